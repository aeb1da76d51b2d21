//! Files, terminal and exit codes; decides nothing about RDP.
