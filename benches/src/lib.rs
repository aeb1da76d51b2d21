//! Nothing to link: the measurements are beside this folder.
