//! What `alcove serve` prints when it is ready.

use std::io::IsTerminal;
use std::net::SocketAddr;

pub struct Banner<'a> {
    pub address: &'a str,
    pub listen: SocketAddr,
    pub data: String,
    pub isolated: bool,
    pub hostname: &'a str,
}

impl Banner<'_> {
    pub fn print(&self) {
        println!("{}", self.text(std::io::stdout().is_terminal()));
    }

    fn text(&self, colours: bool) -> String {
        let (bold, red, off) = if colours {
            ("\x1b[1m", "\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        let mut text = format!(
            "\n  Alcove is ready. Sign in at\n\n    {bold}{}{off}\n",
            self.address
        );
        if self.listen.ip().is_loopback() {
            let port = self.listen.port();
            text.push_str(&format!(
                "\n  From another machine, first: ssh -L {port}:localhost:{port} {}\n",
                self.hostname
            ));
        }
        text.push_str(&format!(
            "  Data: {}   Ctrl-C saves all and stops.\n",
            self.data
        ));
        if !self.isolated {
            text.push_str(&format!("\n  {red}NO ISOLATION: code in repls can do all that you can on this machine.{off}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(isolated: bool, listen: &str) -> String {
        let address = "http://alcove.localhost:8080/sign-in?token=t";
        Banner {
            address,
            listen: listen.parse().unwrap(),
            data: "data".into(),
            isolated,
            hostname: "box",
        }
        .text(false)
    }

    #[test]
    fn it_says_how_to_get_in() {
        let text = banner(true, "127.0.0.1:8080");
        assert!(text.contains("http://alcove.localhost:8080/sign-in?token=t"));
        assert!(text.contains("ssh -L 8080:localhost:8080 box"));
        assert!(!text.contains("NO ISOLATION"));
        assert!(banner(false, "127.0.0.1:8080").contains("NO ISOLATION"));
        assert!(!banner(true, "0.0.0.0:8080").contains("ssh"));
    }
}
