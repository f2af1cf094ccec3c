//! As what a file of a repl is sent to a browser: by an allow list, so that nothing a user wrote runs
//! in the editor's origin.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What browsers show as a picture, play, or have a viewer for.
const SHOWN: [(&str, &str); 23] = [
    ("aac", "audio/aac"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
];
/// What stands for itself in a file's name (RFC 8187 §3.2.1).
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// The media type of a file that may be shown; `None` for one that is only to be downloaded.
pub fn shown(name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let known = SHOWN.iter().find(|(known, _)| *known == ending);
    known.map(|(_, media)| *media)
}

/// `Content-Disposition` of a download.
pub fn attachment(name: &str) -> String {
    format!(
        "attachment; filename*=UTF-8''{}",
        utf8_percent_encode(name, NAME)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_is_only_downloaded() {
        assert_eq!(shown("a.b.PNG"), Some("image/png"));
        for name in [
            "a.html",
            "a.htm",
            "a.xhtml",
            "a.xml",
            "a.js",
            "a.mjs",
            "a.css",
            "a.wasm",
            "png",
            "a.png ",
            "a.png.html",
            "a.mht",
            "a.swf",
            "a.xsl",
        ] {
            assert_eq!(shown(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_stays_in_its_header() {
        assert_eq!(
            attachment("a \"b\"\r\n;é.txt"),
            "attachment; filename*=UTF-8''a%20%22b%22%0D%0A%3B%C3%A9.txt"
        );
    }
}
