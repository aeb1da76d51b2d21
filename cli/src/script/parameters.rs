//! The names of a case as a script's parameters.

use rdpwhy_analyzer::knowledge::Remedy;
use rdpwhy_analyzer::report::{AttemptReport, Endpoint};

use super::literal::literal;

/// Who and where, as the evidence has it.
#[derive(Debug, Default, Clone)]
pub struct Names {
    /// The server's name, or its address.
    pub server: Option<String>,
    /// The client's name, or its address.
    pub client: Option<String>,
    /// `DOMAIN\user`.
    pub user: Option<String>,
}

impl Names {
    /// Those of a connection.
    pub fn of(attempt: &AttemptReport) -> Self {
        let name = |e: &Endpoint| e.host.clone().or_else(|| e.ip.clone());
        Self {
            server: name(&attempt.server),
            client: name(&attempt.client),
            user: attempt.user.clone(),
        }
    }
}

/// A parameter of the script, and what a remedy's command has in its place.
pub struct Parameter {
    /// `Server`.
    pub name: String,
    /// `{server}`, or an example value.
    pub stands_for: String,
    /// Whether it is an example, which is replaced as a whole word only.
    pub example: bool,
    /// Value, where the evidence has one.
    pub value: String,
    /// What it is, for the message when it is missing.
    pub says: String,
}

/// The parameters that any of the commands needs.
pub fn of(remedy: &Remedy, host: &str, names: &Names) -> Vec<Parameter> {
    let given = |name: &Option<String>| name.clone().unwrap_or_default();
    let host = match host {
        "client" => &names.client,
        _ => &names.server,
    };
    let known = [
        ("Server", "{server}", &names.server, "name of the server"),
        (
            "Client",
            "{client}",
            &names.client,
            "name or address of the client",
        ),
        ("HostName", "{host}", host, "name of the host"),
        ("User", "{user}", &names.user, "the user, as DOMAIN\\user"),
    ];
    let named = known
        .into_iter()
        .map(|(name, stands_for, value, says)| Parameter {
            name: name.to_owned(),
            stands_for: stands_for.to_owned(),
            example: false,
            value: given(value),
            says: says.to_owned(),
        });
    let asked = remedy.ask.iter().map(|a| Parameter {
        name: a.name.clone(),
        stands_for: a.example.clone(),
        example: true,
        value: String::new(),
        says: a.says.clone(),
    });
    named
        .chain(asked)
        .filter(|p| {
            let texts = remedy.commands.iter().chain(&remedy.undo);
            texts.into_iter().any(|t| p.put_into(t) != *t)
        })
        .collect()
}

impl Parameter {
    /// A command with the variable in place of what it stands for. PowerShell puts the value of a variable into an argument as
    /// it is; it is never read as code.
    pub fn put_into(&self, command: &str) -> String {
        let variable = format!("${{{}}}", self.name);
        if !self.example {
            return command.replace(&self.stands_for, &variable);
        }
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
        let mut out = String::new();
        let mut rest = command;
        while let Some(at) = rest.find(&self.stands_for) {
            let (before, from) = rest.split_at(at);
            let after = from.get(self.stands_for.len()..).unwrap_or_default();
            out.push_str(before);
            let inside = word(out.chars().last()) || word(after.chars().next());
            out.push_str(if inside { &self.stands_for } else { &variable });
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// `[string] $Server = 'SRV1'`.
    pub fn declared(&self) -> String {
        format!("[string] ${} = {}", self.name, literal(&self.value))
    }

    /// The line that refuses what could be taken for more than a value.
    pub fn checked(&self) -> String {
        let check = if self.example {
            "Assert-Value"
        } else {
            "Assert-Name"
        };
        format!(
            "{check} '{}' ${} {}",
            self.name,
            self.name,
            literal(&self.says)
        )
    }

    /// Whether a command has it.
    pub fn in_command(&self, command: &str) -> bool {
        self.put_into(command) != command
    }
}

/// Puts quotes around words that hold a variable but have none yet: `/v:${Server}` becomes `"/v:${Server}"`.
pub fn quoted_words(command: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let mut quote = None;
    let end = |word: &mut String, out: &mut String| {
        let bare = word.contains("${") && !word.contains(['"', '\'']);
        let quote = if bare { "\"" } else { "" };
        out.extend([quote, word.as_str(), quote]);
        word.clear();
    };
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() || matches!(c, '(' | ')' | ';' | '|' | ',') => {
                end(&mut word, &mut out);
                out.push(c);
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    end(&mut word, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_variable_are_quoted_once() {
        for (bare, quoted) in [
            (
                "cmdkey /delete:TERMSRV/${Server}",
                "cmdkey \"/delete:TERMSRV/${Server}\"",
            ),
            (
                "f (\"${User}\".Split(\"\\\")[-1])",
                "f (\"${User}\".Split(\"\\\")[-1])",
            ),
            ("g (h ${Server} -T A).B", "g (h \"${Server}\" -T A).B"),
            ("i \"a b ${Server}\" 'c'", "i \"a b ${Server}\" 'c'"),
        ] {
            assert_eq!(quoted_words(bare), quoted);
        }
    }

    #[test]
    fn an_example_is_replaced_as_a_word() {
        let p = Parameter {
            name: "Session".to_owned(),
            stands_for: "3".to_owned(),
            example: true,
            value: String::new(),
            says: String::new(),
        };
        assert_eq!(
            p.put_into("logoff 3; x 13 3a /v:3"),
            "logoff ${Session}; x 13 3a /v:${Session}"
        );
    }
}
