//! Shell completions and the manual page, made from the arguments themselves.

use std::collections::VecDeque;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Arguments;

/// Completions for a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "rdpwhy", &mut text);
    text
}

/// The manual page in roff: the program, then each command.
///
/// # Errors
/// None that is known: it is written into memory.
pub fn page() -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut program = Arguments::command();
    program.build();
    clap_mangen::Man::new(program.clone()).render(&mut text)?;
    let mut todo: VecDeque<clap::Command> = program.get_subcommands().cloned().collect();
    while let Some(command) = todo.pop_front() {
        if command.get_name() == "help" {
            continue;
        }
        for (n, inner) in command.get_subcommands().enumerate() {
            todo.insert(n, inner.clone());
        }
        let man = clap_mangen::Man::new(command);
        man.render_name_section(&mut text)?;
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_the_manual() {
        let page = String::from_utf8(page().expect("memory")).expect("UTF-8");
        for name in [
            "diagnose",
            "explain",
            "knowledge",
            "check",
            "completions",
            "parse",
            "diff",
            "schema",
        ] {
            assert!(page.contains(name), "{name}");
        }
        assert!(!completions(Shell::Bash).is_empty());
    }
}
