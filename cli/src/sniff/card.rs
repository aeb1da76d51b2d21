//! Network cards, by libpcap or Npcap, which are loaded when they are first asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use pcap::{Active, Capture, Device, Error, PacketHeader};
use rdpwhy_live::line::Drops;
use rdpwhy_parsers::Timestamp;

use super::arguments::{Port, Sniff};
use super::feed::{Frame, News};

/// How long the kernel may hold packets back to hand them over together, milliseconds.
const PATIENCE_MS: i32 = 50;
/// How long a card is left alone when nothing came.
const PAUSE: Duration = Duration::from_millis(10);
/// Frames, and bytes of them, that are handed on together.
const FRAMES: usize = 512;
const BYTES: usize = 256 << 10;
/// How often the counters are asked for.
const COUNT_EACH: Duration = Duration::from_secs(1);

/// What to install or to grant; written once, for whoever reads it at a terminal.
#[cfg(windows)]
const GET: &str = "install Npcap (https://npcap.com), which brings wpcap.dll";
#[cfg(target_os = "macos")]
const GET: &str = "libpcap belongs to macOS; this system lacks it";
#[cfg(all(unix, not(target_os = "macos")))]
const GET: &str =
    "install it: apt install libpcap0.8, dnf install libpcap, apk add libpcap, pacman -S libpcap";
#[cfg(windows)]
const GRANT: &str =
    "run it as administrator, or install Npcap without its restriction to administrators";
#[cfg(target_os = "macos")]
const GRANT: &str =
    "run it with sudo, or give yourself read access to /dev/bpf* (Wireshark's ChmodBPF does)";
#[cfg(all(unix, not(target_os = "macos")))]
const GRANT: &str = "run it with sudo, or grant it once: sudo setcap cap_net_raw,cap_net_admin=ep \"$(command -v rdpwhy)\"";
const PIPE: &str = "or pipe packets into it: tcpdump -U -s 0 -w - port 3389 | rdpwhy sniff -";

/// Why there is no live capture: what is wrong, and what helps, a line each.
pub struct Refused {
    pub what: String,
    pub advice: Vec<String>,
}

/// Loads libpcap.
pub fn available() -> Result<(), Refused> {
    rdpwhy_pcap_shim::load().map_err(|missing| Refused {
        what: format!("libpcap could not be loaded ({})", missing.names.join(", ")),
        advice: vec![GET.to_owned(), PIPE.to_owned()],
    })
}

/// Name and a few words of each interface.
pub fn list() -> Result<Vec<(String, String)>, Refused> {
    available()?;
    let devices = Device::list().map_err(|e| refused("the network interfaces", &e))?;
    let told = devices.into_iter().map(|d| {
        let addresses: Vec<String> = d.addresses.iter().map(|a| a.addr.to_string()).collect();
        let about = d.desc.unwrap_or_default();
        let state = if d.flags.is_up() { "" } else { "down" };
        let words = [about.as_str(), state, &addresses.join(" ")];
        let words: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
        (d.name, words.join(", "))
    });
    Ok(told.collect())
}

/// An open interface.
pub struct Card {
    name: String,
    link: u32,
    capture: Capture<Active>,
}

/// Opens an interface with the kernel's filter set.
pub fn open(name: &str, args: &Sniff) -> Result<Card, Refused> {
    available()?;
    let trouble = |e: &Error| refused(name, e);
    let inactive = Capture::from_device(name)
        .map_err(|e| trouble(&e))?
        // The pseudo-device of all interfaces knows no promiscuous mode.
        .promisc(!args.no_promiscuous && name != "any")
        .snaplen(args.snap)
        .buffer_size(args.buffer.saturating_mul(1 << 20))
        .timeout(PATIENCE_MS);
    // A blocking read waits for the next packet for ever, whatever the time above, while what came before it waits to be
    // handed on.
    let opened = inactive.open().and_then(Capture::setnonblock);
    let mut capture = opened.map_err(|e| trouble(&e))?;
    if let Some(filter) = filter(&args.port) {
        capture.filter(&filter, true).map_err(|e| trouble(&e))?;
    }
    let link = link_type(capture.get_datalink().0);
    Ok(Card {
        name: name.to_owned(),
        link,
        capture,
    })
}

/// The kernel's filter: RDP's ports, errors about them, the address conflicts and the tunnels that mirrors use.
fn filter(ports: &[Port]) -> Option<String> {
    let mut numbers: Vec<u16> = Vec::new();
    for port in ports {
        match port {
            Port::Any => return None,
            Port::Number(n) => numbers.push(*n),
        }
    }
    if numbers.is_empty() {
        numbers.push(3389);
    }
    let ports: Vec<String> = numbers.iter().map(|n| format!("port {n}")).collect();
    let plain = format!("{} or icmp or icmp6 or arp", ports.join(" or "));
    // Fragments behind the first have no ports.
    let more = "(ip[6:2] & 0x1fff != 0) or ip proto 47 or udp port 4789 or udp port 6081";
    Some(format!("{plain} or {more} or (vlan and ({plain}))"))
}

/// Numbers that libpcap gives to raw IP and a few others differ between systems; in files they have one each.
fn link_type(dlt: i32) -> u32 {
    match dlt {
        12 | 14 => 101, // DLT_RAW of BSD and OpenBSD
        other => u32::try_from(other).unwrap_or(0),
    }
}

fn refused(name: &str, error: &Error) -> Refused {
    let text = match error {
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    };
    let lower = text.to_lowercase();
    let mut advice = Vec::new();
    if ["permission", "permitted", "root", "access is denied"]
        .iter()
        .any(|w| lower.contains(w))
    {
        advice.push(GRANT.to_owned());
        advice.push(PIPE.to_owned());
    } else if ["no such device", "not exist", "no device"]
        .iter()
        .any(|w| lower.contains(w))
    {
        advice.push("rdpwhy sniff --list shows the interfaces".to_owned());
    }
    Refused {
        what: format!("{name}: {text}"),
        advice,
    }
}

impl Card {
    /// Listens until told to stop.
    pub fn listen(mut self, to: SyncSender<News>, stop: Arc<AtomicBool>) {
        thread::spawn(move || {
            let (mut frames, mut bytes) = (Vec::new(), Vec::new());
            let mut counted = Instant::now();
            let mut last = None;
            loop {
                let more = match self.capture.next_packet() {
                    Ok(packet) => {
                        let from = bytes.len();
                        bytes.extend_from_slice(packet.data);
                        frames.push(Frame {
                            time: time(packet.header),
                            link: self.link,
                            data: (from, bytes.len()),
                            wire_length: packet.header.len as usize,
                        });
                        true
                    }
                    Err(Error::TimeoutExpired) => {
                        if frames.is_empty() {
                            thread::sleep(PAUSE);
                        }
                        false
                    }
                    Err(e) => {
                        let why = format!("{}: {}", self.name, refused(&self.name, &e).what);
                        let _ = to.send(News::Frames(frames, bytes));
                        let _ = to.send(News::Over(Some(why)));
                        return;
                    }
                };
                if (!more || frames.len() >= FRAMES || bytes.len() >= BYTES) && !frames.is_empty() {
                    let news =
                        News::Frames(std::mem::take(&mut frames), std::mem::take(&mut bytes));
                    if to.send(news).is_err() {
                        return;
                    }
                }
                let over = stop.load(Ordering::Relaxed);
                if over
                    || (counted.elapsed() > COUNT_EACH && !more)
                    || counted.elapsed() > 2 * COUNT_EACH
                {
                    counted = Instant::now();
                    let drops = self.drops();
                    if drops.is_some() && drops != last {
                        last.clone_from(&drops);
                        if let Some(drops) = drops
                            && to.send(News::Counters(drops)).is_err()
                        {
                            return;
                        }
                    }
                }
                if over {
                    let _ = to.send(News::Over(None));
                    return;
                }
            }
        });
    }

    fn drops(&mut self) -> Option<Drops> {
        let stat = self.capture.stats().ok()?;
        Some(Drops {
            interface: self.name.clone(),
            received: stat.received.into(),
            dropped: stat.dropped.into(),
            dropped_by_interface: stat.if_dropped.into(),
        })
    }
}

/// Seconds and microseconds as one number; their width differs between systems.
#[allow(
    clippy::useless_conversion,
    reason = "the fields have 32 bits on Windows"
)]
fn time(header: &PacketHeader) -> Timestamp {
    let (seconds, micros) = (i64::from(header.ts.tv_sec), i64::from(header.ts.tv_usec));
    let nanoseconds = seconds.saturating_mul(1_000_000_000);
    Timestamp(nanoseconds.saturating_add(micros.saturating_mul(1000)))
}
