//! What evidence is called that lies elsewhere than where the user said: brought from an object store, or under its whole path
//! on another machine.

/// Beginnings of paths, and what stands for them in everything that is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub Vec<(String, String)>);

impl Names {
    /// What something is called that begins with a path.
    pub fn of(&self, text: String) -> String {
        let known = self.0.iter();
        let mut renamed =
            known.filter_map(|(from, to)| Some(format!("{to}{}", text.strip_prefix(from)?)));
        renamed.next().unwrap_or(text)
    }
}
