//! Archives of every kind, made here and taken apart again.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use sevenz_rust2::{ArchiveEntry, ArchiveWriter, encoder_options::AesEncoderOptions};
use zip::unstable::write::FileOptionsExt as _;
use zip::write::SimpleFileOptions;
use zip::{AesMode, ZipWriter};

use crate::input::{Found, Options, collect};

/// Enough of a capture to be recognised as one.
const PCAP: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
const EVTX: &[u8] = b"ElfFile\0\0\0\0\0";
const KEYS: &[u8] = b"CLIENT_RANDOM 00 11\n";

fn read(path: &Path, password: Option<&str>) -> Found {
    let options = Options {
        memory: crate::input::MEMORY,
        open_files: crate::input::OPEN_FILES,
        password,
        temporary: std::env::temp_dir(),
        carve: false,
        watch: &|_| {},
    };
    collect(&[path.to_owned()], &options)
}

/// What is found in one file of these bytes: labels of evidence, labels of key logs, problems.
fn found(bytes: &[u8], password: Option<&str>) -> (Vec<String>, Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("x");
    std::fs::write(&path, bytes).expect("written");
    let found = read(&path, password);
    let base = path.to_string_lossy().into_owned();
    let short = |text: &str| text.replace(&base, "x");
    (
        found.inputs.iter().map(|i| short(&i.label)).collect(),
        found.key_logs.iter().map(|k| short(&k.label)).collect(),
        found
            .problems
            .iter()
            .map(|p| short(&format!("{}: {}", p.path, p.what)))
            .collect(),
    )
}

fn zip_of(members: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, options).expect("member");
        zip.write_all(bytes).expect("bytes");
    }
    zip.finish().expect("directory").into_inner()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_of(members, SimpleFileOptions::default())
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).expect("member");
    }
    tar.into_inner().expect("end")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("bytes");
    gzip.finish().expect("end")
}

fn seven_zip(members: &[(&str, &[u8])], password: Option<&str>) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).expect("header");
    if let Some(password) = password {
        writer.set_content_methods(vec![
            AesEncoderOptions::new(password.into()).into(),
            sevenz_rust2::EncoderMethod::LZMA2.into(),
        ]);
    }
    for (name, bytes) in members {
        writer
            .push_archive_entry(ArchiveEntry::new_file(name), Some(*bytes))
            .expect("member");
    }
    writer.finish().expect("end").into_inner()
}

const MEMBERS: &[(&str, &[u8])] = &[
    ("SRV01/System.evtx", EVTX),
    ("SRV01/notes.txt", b"nothing"),
    ("keys.log", KEYS),
    ("trace", PCAP),
];

fn expect_members(bytes: &[u8], password: Option<&str>) {
    let (evidence, keys, problems) = found(bytes, password);
    assert_eq!(problems, [""; 0]);
    assert_eq!(evidence, ["x!SRV01/System.evtx", "x!trace"]);
    assert_eq!(keys, ["x!keys.log"]);
}

#[test]
fn members_are_found_in_every_kind() {
    expect_members(&zip(MEMBERS), None);
    expect_members(&tar(MEMBERS), None);
    expect_members(&gzip(&tar(MEMBERS)), None);
    let zstandard = ruzstd::encoding::compress_to_vec(
        &tar(MEMBERS)[..],
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    expect_members(&zstandard, None);
    expect_members(&seven_zip(MEMBERS, None), None);
}

#[test]
fn a_compressed_file_keeps_its_name() {
    let (evidence, _, problems) = found(&gzip(PCAP), None);
    assert_eq!((evidence, problems), (vec!["x".to_owned()], Vec::new()));
}

#[test]
fn archives_lie_in_archives() {
    let inner = zip(&[("System.evtx", EVTX)]);
    let outer = gzip(&tar(&[
        ("collection/RDS07.zip", &inner),
        ("trace.pcap.gz", &gzip(PCAP)),
    ]));
    let (evidence, _, problems) = found(&outer, None);
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        evidence,
        ["x!collection/RDS07.zip!System.evtx", "x!trace.pcap.gz"]
    );
}

#[test]
fn nesting_has_an_end() {
    let mut bytes = zip(&[("a", EVTX)]);
    for _ in 0..6 {
        bytes = zip(&[("a", &bytes)]);
    }
    let (evidence, _, problems) = found(&bytes, None);
    assert!(evidence.is_empty());
    assert_eq!(problems, ["x!a!a!a!a!a!a: lies more than 5 archives deep"]);
}

#[test]
fn passwords_open_what_is_encrypted() {
    let aes = SimpleFileOptions::default().with_aes_encryption(AesMode::Aes256, "infected");
    let classic = SimpleFileOptions::default()
        .with_deprecated_encryption(b"infected")
        .expect("ASCII");
    for bytes in [zip_of(MEMBERS, aes), zip_of(MEMBERS, classic)] {
        expect_members(&bytes, Some("infected"));
        let (evidence, _, problems) = found(&bytes, None);
        assert!(evidence.is_empty());
        assert_eq!(
            problems,
            ["x: 4 members are encrypted, the first is x!SRV01/System.evtx"]
        );
    }
    let (_, _, problems) = found(&zip_of(MEMBERS, aes), Some("wrong"));
    assert_eq!(
        problems,
        ["x: the password does not open x!SRV01/System.evtx"]
    );

    let bytes = seven_zip(MEMBERS, Some("infected"));
    expect_members(&bytes, Some("infected"));
    let (evidence, _, problems) = found(&bytes, None);
    assert!(evidence.is_empty());
    assert_eq!(problems, ["x: is an encrypted 7z archive"]);
    let (evidence, _, problems) = found(&bytes, Some("wrong"));
    assert!(evidence.is_empty() && !problems.is_empty());
}

#[test]
fn a_bomb_is_named_and_left_alone() {
    // 320 MiB of zeros behind the magic bytes of a capture: 1,000 times what is stored.
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bomb", SimpleFileOptions::default())
        .expect("member");
    zip.write_all(PCAP).expect("magic");
    let zeros = vec![0; 1 << 20];
    for _ in 0..320 {
        zip.write_all(&zeros).expect("zeros");
    }
    zip.start_file("late", SimpleFileOptions::default())
        .expect("member");
    zip.write_all(PCAP).expect("magic");
    let (_, _, problems) = found(&zip.finish().expect("directory").into_inner(), None);
    let said =
        "x!bomb: unpacks to more than 250 times the size of its archive, as decompression bombs do";
    assert_eq!(problems, [said]);
}

#[test]
fn what_is_cut_off_gives_what_it_has() {
    let whole = gzip(&[PCAP, &vec![7; 100_000]].concat());
    let (evidence, _, problems) = found(whole.get(..whole.len() - 9).expect("long"), None);
    assert_eq!(evidence, ["x"]);
    assert_eq!(problems, ["x: ends too early: it was cut off"]);

    let whole = tar(&[("a", PCAP), ("b", &[PCAP, &[7; 10_000]].concat())]);
    let (evidence, _, problems) = found(whole.get(..4_000).expect("long"), None);
    assert_eq!(evidence, ["x!a", "x!b"]);
    assert_eq!(problems.len(), 1, "{problems:?}");

    // Without its directory, and then without a part of the last member.
    let whole = zip(MEMBERS);
    let (evidence, keys, problems) = found(whole.get(..whole.len() - 30).expect("long"), None);
    assert_eq!(evidence, ["x!SRV01/System.evtx", "x!trace"]);
    assert_eq!(keys, ["x!keys.log"]);
    let said = "x: is a zip archive without a directory: read from its front as far as it goes";
    assert_eq!(problems, [said]);
    let torn = zip(&[("a", EVTX), ("b", &noise())]);
    let (evidence, _, problems) = found(torn.get(..50_000).expect("long"), None);
    assert_eq!(evidence, ["x!a", "x!b"]);
    assert_eq!(problems.len(), 2, "{problems:?}");
}

/// A capture's magic bytes and 100,000 more that do not compress.
fn noise() -> Vec<u8> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    };
    PCAP.iter()
        .copied()
        .chain((0..100_000).map(|_| next()))
        .collect()
}

#[test]
fn forged_archives_are_problems_not_crashes() {
    for whole in [
        zip(MEMBERS),
        tar(MEMBERS),
        gzip(&tar(MEMBERS)),
        seven_zip(MEMBERS, None),
    ] {
        for place in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            for value in [0, 0x7f, 0xff] {
                let mut forged = whole.clone();
                if let Some(byte) = forged.get_mut(place) {
                    *byte = value;
                }
                found(&forged, None);
            }
        }
    }
}

#[test]
fn members_of_one_name_are_told_apart() {
    let (evidence, _, _) = found(&tar(&[("a", PCAP), ("a", PCAP)]), None);
    assert_eq!(evidence, ["x!a", "x!a (2)"]);
}

#[test]
fn the_order_of_the_paths_does_not_matter() {
    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("b.zip"), zip(MEMBERS)).expect("zip");
    std::fs::write(at("a"), PCAP).expect("capture");
    std::fs::write(at("c"), "text").expect("text");
    let labels = |paths: &[PathBuf]| {
        let options = Options {
            memory: crate::input::MEMORY,
            open_files: crate::input::OPEN_FILES,
            password: None,
            temporary: std::env::temp_dir(),
            carve: false,
            watch: &|_| {},
        };
        let found = collect(paths, &options);
        (
            found
                .inputs
                .into_iter()
                .map(|i| i.label)
                .collect::<Vec<_>>(),
            found.problems,
            found.ignored,
        )
    };
    let one = labels(&[at("a"), at("b.zip"), at("c"), folder.path().to_owned()]);
    assert_eq!(
        one,
        labels(&[
            folder.path().to_owned(),
            at("c"),
            at("b.zip"),
            at("a"),
            at("b.zip")
        ])
    );
    assert_eq!(one.0.len(), 3);
}
