//! Stands in for libpcap: the crate `pcap` is linked to the functions here, and each of them calls the real one, which is
//! loaded when it is first needed.
//!
//! So the program builds and starts on machines without libpcap, everything that needs no network card works there, and
//! live capture works as soon as libpcap (or Npcap) is installed, under whatever name. This is the only crate of the
//! project with `unsafe` in it: it declares the functions as libpcap's headers do, and passes arguments on untouched.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;

/// Names of the library, in the order in which they are tried: the runtime name comes first, since the one without a number
/// is there only where programs are built.
#[cfg(all(unix, not(target_os = "macos")))]
const NAMES: &[&str] = &["libpcap.so.0.8", "libpcap.so.1", "libpcap.so"];
#[cfg(target_os = "macos")]
const NAMES: &[&str] = &[
    "/usr/lib/libpcap.A.dylib",
    "libpcap.A.dylib",
    "libpcap.dylib",
];
/// Npcap keeps its library in a folder of its own, unless it was installed in the way of WinPcap.
#[cfg(windows)]
const NAMES: &[&str] = &[r"C:\Windows\System32\Npcap\wpcap.dll", "wpcap.dll"];

/// Size of the buffers that libpcap writes error texts to.
const ERROR_BUFFER: usize = 256;
/// What the functions answer when there is no library.
const ABSENT: &[u8] = b"libpcap is not there\0";
/// libpcap's general error.
const FAILED: c_int = -1;

/// The library could not be loaded.
#[derive(Debug, Clone)]
pub struct Missing {
    /// What was looked for.
    pub names: &'static [&'static str],
    /// What the system said of the first one.
    pub why: String,
}

fn library() -> &'static Result<Library, Missing> {
    static LIBRARY: OnceLock<Result<Library, Missing>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let mut why = None;
        for name in NAMES {
            // SAFETY: loading runs the library's initialisers; libpcap's do nothing but set up its own tables.
            match unsafe { Library::new(*name) } {
                Ok(library) => return Ok(library),
                Err(e) => {
                    why.get_or_insert(e.to_string());
                }
            }
        }
        Err(Missing {
            names: NAMES,
            why: why.unwrap_or_default(),
        })
    })
}

/// Loads the library, unless it is loaded already. To be asked before the crate `pcap` is used: without a library its
/// functions fail with a text that tells less.
///
/// # Errors
/// What was looked for, and what the system said.
pub fn load() -> Result<(), Missing> {
    // Names the symbols, so that the linker keeps them wherever this crate stands in its order.
    std::hint::black_box(SYMBOLS);
    library().as_ref().map(drop).map_err(Clone::clone)
}

fn tell_absent(buffer: *mut c_char) {
    if buffer.is_null() {
        return;
    }
    const { assert!(ABSENT.len() <= ERROR_BUFFER) };
    // SAFETY: callers of libpcap pass buffers of PCAP_ERRBUF_SIZE bytes, which is ERROR_BUFFER.
    unsafe { ptr::copy_nonoverlapping(ABSENT.as_ptr().cast(), buffer, ABSENT.len()) };
}

/// Defines one function for each line: the symbol that the linker wants, forwarding to the library's of the same name.
/// Behind `else` stands what it does without one.
macro_rules! forward {
    ($($(#[$only:meta])* fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? $absent:block)*) => {
        $(
            $(#[$only])*
            /// Forwards to libpcap's function of this name.
            ///
            /// # Safety
            /// As libpcap's manual page of the function says.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                type Function = unsafe extern "C" fn($($type),*) $(-> $result)?;
                static FOUND: OnceLock<Option<Function>> = OnceLock::new();
                let found = FOUND.get_or_init(|| {
                    let library = library().as_ref().ok()?;
                    let name = concat!(stringify!($name), "\0").as_bytes();
                    // SAFETY: the type is the one of libpcap's header, and the library stays loaded for ever.
                    unsafe { library.get::<Function>(name) }.ok().map(|f| *f)
                });
                if let Some(f) = found {
                    // SAFETY: the caller keeps to the function's contract, which is passed on as it is.
                    return unsafe { f($($argument),*) };
                }
                $absent
            }
        )*

        /// Name and address of each function that this crate defines.
        pub static SYMBOLS: &[(&str, Address)] = &[
            $($(#[$only])* (stringify!($name), Address($name as *const ())),)*
        ];
    };
}

/// Where a function is; only to be looked at.
#[derive(Clone, Copy)]
pub struct Address(pub *const ());

// SAFETY: an address of code, which nobody writes to and nobody calls through.
unsafe impl Sync for Address {}

forward! {
    fn pcap_create(source: *const c_char, error: *mut c_char) -> *mut c_void {
        let _ = source;
        tell_absent(error);
        ptr::null_mut()
    }
    fn pcap_set_snaplen(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    fn pcap_set_promisc(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    fn pcap_set_timeout(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    fn pcap_set_buffer_size(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    fn pcap_activate(handle: *mut c_void) -> c_int { let _ = handle; FAILED }
    fn pcap_open_dead(link: c_int, snap: c_int) -> *mut c_void { let _ = (link, snap); ptr::null_mut() }
    fn pcap_open_offline(path: *const c_char, error: *mut c_char) -> *mut c_void {
        let _ = path;
        tell_absent(error);
        ptr::null_mut()
    }
    fn pcap_fopen_offline(file: *mut c_void, error: *mut c_char) -> *mut c_void {
        let _ = file;
        tell_absent(error);
        ptr::null_mut()
    }
    fn pcap_close(handle: *mut c_void) { let _ = handle; }
    fn pcap_loop(handle: *mut c_void, n: c_int, each: *mut c_void, user: *mut c_uchar) -> c_int {
        let _ = (handle, n, each, user);
        FAILED
    }
    fn pcap_dispatch(handle: *mut c_void, n: c_int, each: *mut c_void, user: *mut c_uchar) -> c_int {
        let _ = (handle, n, each, user);
        FAILED
    }
    fn pcap_next_ex(handle: *mut c_void, header: *mut *mut c_void, data: *mut *const c_uchar) -> c_int {
        let _ = (handle, header, data);
        FAILED
    }
    fn pcap_breakloop(handle: *mut c_void) { let _ = handle; }
    fn pcap_stats(handle: *mut c_void, stat: *mut c_void) -> c_int { let _ = (handle, stat); FAILED }
    fn pcap_setfilter(handle: *mut c_void, program: *mut c_void) -> c_int { let _ = (handle, program); FAILED }
    fn pcap_setdirection(handle: *mut c_void, direction: c_uint) -> c_int { let _ = (handle, direction); FAILED }
    fn pcap_setnonblock(handle: *mut c_void, n: c_int, error: *mut c_char) -> c_int {
        let _ = (handle, n);
        tell_absent(error);
        FAILED
    }
    fn pcap_sendpacket(handle: *mut c_void, data: *const c_uchar, length: c_int) -> c_int {
        let _ = (handle, data, length);
        FAILED
    }
    fn pcap_geterr(handle: *mut c_void) -> *mut c_char { let _ = handle; ABSENT.as_ptr().cast_mut().cast() }
    fn pcap_compile(handle: *mut c_void, program: *mut c_void, text: *const c_char, optimise: c_int, mask: c_uint) -> c_int {
        let _ = (handle, program, text, optimise, mask);
        FAILED
    }
    fn pcap_freecode(program: *mut c_void) { let _ = program; }
    fn pcap_offline_filter(program: *const c_void, header: *const c_void, data: *const c_uchar) -> c_int {
        let _ = (program, header, data);
        0
    }
    fn pcap_datalink(handle: *mut c_void) -> c_int { let _ = handle; FAILED }
    fn pcap_list_datalinks(handle: *mut c_void, list: *mut *mut c_int) -> c_int { let _ = (handle, list); FAILED }
    fn pcap_set_datalink(handle: *mut c_void, link: c_int) -> c_int { let _ = (handle, link); FAILED }
    fn pcap_free_datalinks(list: *mut c_int) { let _ = list; }
    fn pcap_datalink_name_to_val(name: *const c_char) -> c_int { let _ = name; FAILED }
    fn pcap_datalink_val_to_name(link: c_int) -> *const c_char { let _ = link; ptr::null() }
    fn pcap_datalink_val_to_description(link: c_int) -> *const c_char { let _ = link; ptr::null() }
    fn pcap_major_version(handle: *mut c_void) -> c_int { let _ = handle; FAILED }
    fn pcap_minor_version(handle: *mut c_void) -> c_int { let _ = handle; FAILED }
    fn pcap_fileno(handle: *mut c_void) -> c_int { let _ = handle; FAILED }
    fn pcap_dump_open(handle: *mut c_void, path: *const c_char) -> *mut c_void {
        let _ = (handle, path);
        ptr::null_mut()
    }
    fn pcap_dump_fopen(handle: *mut c_void, file: *mut c_void) -> *mut c_void {
        let _ = (handle, file);
        ptr::null_mut()
    }
    fn pcap_dump_flush(dumper: *mut c_void) -> c_int { let _ = dumper; FAILED }
    fn pcap_dump_close(dumper: *mut c_void) { let _ = dumper; }
    fn pcap_dump(dumper: *mut c_uchar, header: *const c_void, data: *const c_uchar) { let _ = (dumper, header, data); }
    fn pcap_findalldevs(list: *mut *mut c_void, error: *mut c_char) -> c_int {
        let _ = list;
        tell_absent(error);
        FAILED
    }
    fn pcap_freealldevs(list: *mut c_void) { let _ = list; }
    fn pcap_get_selectable_fd(handle: *mut c_void) -> c_int { let _ = handle; FAILED }
    fn pcap_set_tstamp_type(handle: *mut c_void, kind: c_int) -> c_int { let _ = (handle, kind); FAILED }
    fn pcap_fopen_offline_with_tstamp_precision(file: *mut c_void, precision: c_uint, error: *mut c_char) -> *mut c_void {
        let _ = (file, precision);
        tell_absent(error);
        ptr::null_mut()
    }
    fn pcap_open_dead_with_tstamp_precision(link: c_int, snap: c_int, precision: c_uint) -> *mut c_void {
        let _ = (link, snap, precision);
        ptr::null_mut()
    }
    fn pcap_open_offline_with_tstamp_precision(path: *const c_char, precision: c_uint, error: *mut c_char) -> *mut c_void {
        let _ = (path, precision);
        tell_absent(error);
        ptr::null_mut()
    }
    fn pcap_set_immediate_mode(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    fn pcap_set_tstamp_precision(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    fn pcap_dump_open_append(handle: *mut c_void, path: *const c_char) -> *mut c_void {
        let _ = (handle, path);
        ptr::null_mut()
    }
    #[cfg(not(windows))]
    fn pcap_set_rfmon(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    #[cfg(target_os = "macos")]
    fn pcap_set_want_pktap(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    #[cfg(windows)]
    fn pcap_setmintocopy(handle: *mut c_void, n: c_int) -> c_int { let _ = (handle, n); FAILED }
    #[cfg(windows)]
    fn pcap_getevent(handle: *mut c_void) -> *mut c_void { let _ = handle; ptr::null_mut() }
    #[cfg(windows)]
    fn pcap_sendqueue_alloc(n: c_uint) -> *mut c_void { let _ = n; ptr::null_mut() }
    #[cfg(windows)]
    fn pcap_sendqueue_destroy(queue: *mut c_void) { let _ = queue; }
    #[cfg(windows)]
    fn pcap_sendqueue_queue(queue: *mut c_void, header: *const c_void, data: *const c_uchar) -> c_int {
        let _ = (queue, header, data);
        FAILED
    }
    #[cfg(windows)]
    fn pcap_sendqueue_transmit(handle: *mut c_void, queue: *mut c_void, sync: c_int) -> c_uint {
        let _ = (handle, queue, sync);
        0
    }
}
