//! Archives, and what pretends to be one.

use std::io::Write as _;

use rdpwhy::input::{self, Options};

/// What an archive unpacks to stays within its limits, and looking into it ends.
pub fn archive(bytes: &[u8]) {
    let options = Options {
        memory: rdpwhy::input::MEMORY,
        open_files: rdpwhy::input::OPEN_FILES,
        password: Some("infected"),
        temporary: std::env::temp_dir(),
        carve: true,
        watch: &|_| {},
    };
    let found = input::look_into("archive", Box::new(bytes.to_vec()), &options);
    for input in &found.inputs {
        assert!(input.label.starts_with("archive"), "{}", input.label);
    }
    let unpacked: u64 = found.inputs.iter().map(|i| i.bytes.size()).sum();
    assert!(
        unpacked <= input::limits::RATIO_FLOOR + (64 << 20),
        "{unpacked}"
    );
}

/// One of each kind, nested ones too.
pub fn seeds() -> Vec<Vec<u8>> {
    let capture = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".repeat(20);
    let stored = zip(
        &[("SRV1/trace.pcap", &capture), ("notes.txt", b"text")],
        false,
    );
    let deflated = zip(&[("a/b.pcap", &capture), ("inner.zip", &stored)], true);
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(capture.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "SRV1/trace.pcap", &capture[..])
        .unwrap();
    let tar = tar.into_inner().unwrap();
    let gzip = gzip(&tar);
    let nested = self::gzip(&gzip);
    // An empty 7z archive; a Zstandard frame of one raw block, and a skippable one before it.
    let seven_zip =
        b"7z\xbc\xaf\x27\x1c\0\x04\x8d\x9b\xd5\x0f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            .to_vec();
    let raw = [
        b"\x28\xb5\x2f\xfd\x20\x18\xc1\0\0".as_slice(),
        &capture[..24],
    ]
    .concat();
    let skipped = [b"\x50\x2a\x4d\x18\x04\0\0\0abcd".as_slice(), &raw].concat();
    vec![stored, deflated, tar, gzip, nested, seven_zip, raw, skipped]
}

fn zip(members: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let method = if deflated {
        zip::CompressionMethod::Deflated
    } else {
        zip::CompressionMethod::Stored
    };
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
