//! Servers and clients as people install them: xrdp, FreeRDP's shadow server, FreeRDP's client, rdesktop.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::net::{Net, SERVER};
use crate::shell::{Running, run};

/// How often a server is started that does not come up.
const TRIES: usize = 3;

/// What both sides need in files.
pub struct Bench {
    /// Where the files are.
    pub folder: PathBuf,
    /// A folder in it that anybody may write to: the sniffer is nobody by the time it makes files.
    pub open: PathBuf,
    /// Display of clients and of the shadow server.
    display: String,
    _screen: Running,
}

impl Bench {
    /// Makes certificates, a password file and a screen that nobody sees.
    pub fn new(folder: &Path) -> Result<Self, String> {
        let at = folder.display();
        let open = folder.join("open");
        fs::create_dir(&open).map_err(|e| e.to_string())?;
        run(&format!("chmod 711 {at}"))?;
        run(&format!("chmod 777 {at}/open"))?;
        for (name, days) in [("good", "30"), ("expired", "-1")] {
            run(&format!(
                "openssl req -new -newkey rsa:2048 -nodes -subj /CN=lab.example -keyout {at}/{name}.key -out {at}/{name}.csr"
            ))?;
            run(&format!(
                "openssl x509 -req -in {at}/{name}.csr -signkey {at}/{name}.key -days {days} -out {at}/{name}.pem"
            ))?;
        }
        let hash = run("winpr-hash -u ana -p secret")?;
        fs::write(folder.join("sam"), format!("ana:::{}:::\n", hash.trim()))
            .map_err(|e| e.to_string())?;
        let number = 90 + std::process::id() % 900;
        let mut screen = Command::new("Xvfb");
        screen.args([
            &format!(":{number}"),
            "-screen",
            "0",
            "800x600x24",
            "-nolisten",
            "tcp",
        ]);
        let screen = Running::start(screen, &folder.join("xvfb.log"))?;
        let socket = PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
        await_that(|| socket.exists(), "Xvfb")?;
        Ok(Self {
            folder: folder.to_owned(),
            open,
            display: format!(":{number}"),
            _screen: screen,
        })
    }

    fn log(&self, net: usize, name: &str) -> PathBuf {
        self.folder.join(format!("{net}-{name}.log"))
    }

    /// xrdp with these settings beside or in place of the usual ones.
    pub fn xrdp(
        &self,
        net: &Net,
        number: usize,
        settings: &[(&str, &str)],
    ) -> Result<Running, String> {
        let good = |what: &str| self.folder.join(what).display().to_string();
        let (pem, key) = (good("good.pem"), good("good.key"));
        let mut lines = vec![("certificate", pem.as_str()), ("key_file", key.as_str())];
        lines.retain(|(k, _)| !settings.iter().any(|(s, _)| s == k));
        lines.extend(settings);
        let settings: String = lines.iter().map(|(k, v)| format!("{k}={v}\n")).collect();
        let usual = fs::read_to_string("/etc/xrdp/xrdp.ini")
            .map_err(|e| format!("/etc/xrdp/xrdp.ini: {e}"))?;
        let named = |line: &str| {
            let key = line.split('=').next().unwrap_or_default().trim();
            lines.iter().any(|(k, _)| *k == key) || key == "LogFile"
        };
        let mut ini: String = usual
            .lines()
            .filter(|l| !named(l))
            .map(|l| format!("{l}\n"))
            .collect();
        ini = ini.replacen("[Globals]\n", &format!("[Globals]\n{settings}"), 1);
        let log = self.log(number, "xrdp");
        ini = ini.replacen(
            "[Logging]\n",
            &format!("[Logging]\nLogFile={}.own\n", log.display()),
            1,
        );
        let path = self.folder.join(format!("{number}-xrdp.ini"));
        fs::write(&path, ini).map_err(|e| e.to_string())?;
        let mut command = net.on("s", "sh");
        // Its own /run, where it notes that it runs.
        command.args([
            "-c",
            "mount -t tmpfs none /run && exec xrdp --nodaemon --config \"$0\"",
            &path.display().to_string(),
        ]);
        let server = Running::start(command, &log)?;
        listening(net)?;
        Ok(server)
    }

    /// FreeRDP's shadow server: `nla`, `tls` or `rdp`.
    pub fn shadow(&self, net: &Net, number: usize, security: &str) -> Result<Running, String> {
        // It makes a key in its home folder: two that share one read each other's half-written keys. And now and then it
        // ends at once, when several of them take hold of the screen.
        let home = self.folder.join(format!("home-s{number}"));
        fs::create_dir_all(&home).map_err(|e| e.to_string())?;
        let mut why = String::new();
        for _ in 0..TRIES {
            let mut command = net.on("s", "freerdp-shadow-cli");
            command
                .args([
                    "/port:3389",
                    &format!("/sec:{security}"),
                    "/bind-address:0.0.0.0",
                ])
                .arg(format!("/sam-file:{}", self.folder.join("sam").display()))
                .env("DISPLAY", &self.display)
                .env("HOME", &home);
            let server = Running::start(command, &self.log(number, "shadow"))?;
            match listening(net) {
                Ok(()) => return Ok(server),
                Err(e) => why = e,
            }
        }
        Err(why)
    }

    /// FreeRDP's client with these options more.
    pub fn freerdp(&self, net: &Net, number: usize, options: &[&str]) -> Result<Running, String> {
        let mut command = net.on("c", "xfreerdp");
        command
            .args([
                &format!("/v:{SERVER}"),
                "/u:ana",
                "/size:640x480",
                "/log-level:ERROR",
            ])
            .args(options)
            .env("DISPLAY", &self.display)
            .env("HOME", self.folder.join(format!("home-{number}")));
        Running::start(command, &self.log(number, "client"))
    }

    /// rdesktop, which knows nothing newer than standard RDP security, TLS and Kerberos.
    pub fn rdesktop(&self, net: &Net, number: usize, options: &[&str]) -> Result<Running, String> {
        let mut command = net.on("c", "rdesktop");
        command
            .args(["-u", "ana", "-g", "640x480"])
            .args(options)
            .arg(SERVER)
            .env("DISPLAY", &self.display)
            .env("HOME", &self.folder);
        Running::start(command, &self.log(number, "client"))
    }
}

fn listening(net: &Net) -> Result<(), String> {
    let there = || {
        net.run("s", "ss -Hltn sport = :3389")
            .is_ok_and(|told| !told.trim().is_empty())
    };
    await_that(there, "a server on port 3389")
}

fn await_that(there: impl Fn() -> bool, what: &str) -> Result<(), String> {
    let begun = Instant::now();
    // The machine may be busy.
    while begun.elapsed() < Duration::from_secs(20) {
        if there() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(format!("{what} did not come up"))
}
