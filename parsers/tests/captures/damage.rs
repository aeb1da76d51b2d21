//! Hostile input: whatever the bytes, the reader ends and does not panic.

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::wire::Capture;

use super::play::{healthy, read, read_split};
use super::samples;

/// Changes some bytes, removes or doubles a stretch.
fn mutated(file: &[u8], seed: &mut Seed) -> Vec<u8> {
    let mut out = file.to_vec();
    let number = |seed: &mut Seed, below: usize| seed.next_u32() as usize % below.max(1);
    for _ in 0..=number(seed, 12) {
        let at = number(seed, out.len());
        let length = number(seed, 40).min(out.len() - at);
        match number(seed, 4) {
            0 => out[at] = u8::try_from(number(seed, 256)).unwrap(),
            1 => drop(out.drain(at..at + length)),
            2 => {
                let copy = out[at..at + length].to_vec();
                out.splice(at..at, copy);
            }
            _ => out[at..at + length].fill(0xff),
        }
    }
    out
}

/// Changes inside the frames only, so that the damage reaches the inner parsers.
fn mutated_inside(frames: &Capture, seed: &mut Seed) -> Vec<u8> {
    let mut frames = frames.clone();
    for frame in &mut frames.frames {
        if seed.next_u32().is_multiple_of(4) {
            let at = seed.next_u32() as usize % frame.bytes.len();
            frame.bytes[at] = u8::try_from(seed.next_u32() % 256).unwrap();
        }
        if seed.next_u32().is_multiple_of(16) {
            frame
                .bytes
                .truncate(seed.next_u32() as usize % frame.bytes.len() + 1);
        }
    }
    frames.to_pcapng()
}

#[test]
fn mutations_of_a_session_are_survived() {
    let capture = Capture {
        frames: healthy().frames(),
        secrets: None,
    };
    let mut seed = Seed::of("mutations");
    for file in [capture.to_pcap(), capture.to_pcapng()] {
        for _ in 0..300 {
            let _ = read(&mutated(&file, &mut seed));
        }
    }
    for _ in 0..300 {
        let _ = read(&mutated_inside(&capture, &mut seed));
    }
}

#[test]
fn every_cut_of_a_session_is_survived() {
    let file = Capture {
        frames: healthy().frames(),
        secrets: None,
    }
    .to_pcap();
    for end in (0..file.len()).step_by(37) {
        let _ = read(&file[..end]);
    }
}

#[test]
fn mutations_of_samples_are_survived() {
    let Some(files) = samples::files(&["lab", "pcap"]) else {
        return;
    };
    let mut seed = Seed::of("samples");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for _ in 0..3 {
            let _ = read_split(&mutated(&bytes, &mut seed), 65_536);
        }
    }
}
