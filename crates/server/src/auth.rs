//! Who asks: by a key, or the server's own token, as `Authorization: Bearer` or, after sign-in, as a signed cookie.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::{Config, Policy};
use crate::db::{Db, now_ms};
use crate::logins::Login;
use crate::{ApiFailure, App};

/// A sign-in lasts this long.
pub const SIGN_IN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Cookies of our name that are looked at: a preview's script can set many for the parent domain.
const MAX_CANDIDATES: usize = 16;

/// What a signed value is for: one made for one purpose is void for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Editor,
    Preview,
}

impl Purpose {
    /// Name of its cookie.
    pub fn cookie(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Editor, false) => "alcove_session",
            (Self::Editor, true) => "__Host-alcove_session",
            (Self::Preview, false) => "alcove_preview",
            (Self::Preview, true) => "__Host-alcove_preview",
        }
    }
}

/// The server's secrets.
#[derive(Clone)]
pub struct Keys {
    signing: [u8; 32],
    token: String,
}

impl Keys {
    /// The signing key from the database (made at first start), the token from the configuration, else
    /// from the database likewise.
    pub async fn load(db: &Db, config: &Config) -> anyhow::Result<Self> {
        let signing = match db.setting("signing_key").await? {
            Some(text) => text,
            None => {
                let text = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
                db.set_setting("signing_key", &text).await?;
                text
            }
        };
        let signing = URL_SAFE_NO_PAD
            .decode(signing)?
            .try_into()
            .map_err(|_| anyhow::anyhow!("the signing key in the database is damaged"))?;
        let token = match (&config.token, db.setting("token").await?) {
            (Some(token), _) => token.clone(),
            (None, Some(token)) => token,
            (None, None) => {
                let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
                db.set_setting("token", &token).await?;
                token
            }
        };
        Ok(Self { signing, token })
    }

    /// The local user's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A value that only we can make, bound to purpose, host and login: `<login>.<expiry>.<mac>`.
    pub fn sign(&self, purpose: Purpose, host: &str, login: &str, expires_ms: i64) -> String {
        format!(
            "{login}.{expires_ms}.{}",
            self.mac(purpose, host, login, expires_ms)
        )
    }

    fn mac(&self, purpose: Purpose, host: &str, login: &str, expires_ms: i64) -> String {
        let text = format!(
            "{purpose:?}\0{}\0{login}\0{expires_ms}",
            host.to_ascii_lowercase()
        );
        URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&self.signing, text.as_bytes()).as_bytes())
    }

    /// The login of a signed value, if it is ours, for this purpose and host, and not expired.
    /// Whether that login still holds is [`crate::logins::Logins::find`]'s to say.
    pub fn verify(&self, purpose: Purpose, host: &str, value: &str) -> Option<String> {
        let mut parts = value.splitn(3, '.');
        let (login, expires, mac) = (parts.next()?, parts.next()?, parts.next()?);
        let expires_ms: i64 = expires.parse().ok()?;
        let ours = self.mac(purpose, host, login, expires_ms);
        let same = blake3::hash(ours.as_bytes()) == blake3::hash(mac.as_bytes());
        (same && expires_ms > now_ms()).then(|| login.to_owned())
    }

    /// The login of the first cookie that is ours: others of the same name are ignored.
    pub fn from_cookies(
        &self,
        headers: &HeaderMap,
        purpose: Purpose,
        https: bool,
    ) -> Option<String> {
        let host = headers.get(HOST)?.to_str().ok()?;
        cookies(headers)
            .filter(|(name, _)| *name == purpose.cookie(https))
            .take(MAX_CANDIDATES)
            .find_map(|(_, value)| self.verify(purpose, host, value))
    }

    /// `Set-Cookie` of the editor's sign-in.
    pub fn editor_cookie(&self, host: &str, login: &str, https: bool) -> String {
        self.signed_cookie(Purpose::Editor, host, login, https, "Lax")
    }

    /// `Set-Cookie` of a preview's origin. On another site than the editor's, it lives in the
    /// editor's partition (CHIPS), which needs https.
    pub fn preview_cookie(&self, host: &str, login: &str, https: bool, same_site: bool) -> String {
        let policy = if https && !same_site {
            "None; Partitioned"
        } else {
            "Lax"
        };
        self.signed_cookie(Purpose::Preview, host, login, https, policy)
    }

    fn signed_cookie(
        &self,
        purpose: Purpose,
        host: &str,
        login: &str,
        https: bool,
        same_site: &str,
    ) -> String {
        let value = self.sign(purpose, host, login, now_ms() + SIGN_IN.as_millis() as i64);
        set_cookie(purpose.cookie(https), &value, https, same_site, SIGN_IN)
    }
}

/// `Set-Cookie` that takes the editor's sign-in away.
pub fn expired_cookie(https: bool) -> String {
    let name = Purpose::Editor.cookie(https);
    set_cookie(name, "", https, "Lax", Duration::ZERO)
}

/// RFC 6265bis.
fn set_cookie(name: &str, value: &str, https: bool, same_site: &str, age: Duration) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!(
        "{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={}{secure}",
        age.as_secs()
    )
}

/// Names and values of all cookies of a request that are text. Others' may be anything: a preview's
/// script can set cookies for the parent domain.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .into_iter()
        .flat_map(|h| h.as_bytes().split(|b| *b == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
}

/// The signed-in user of a request. Requests that carry a cookie and change something, or open a
/// WebSocket, must come from a page of this very origin.
#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub name: String,
    pub role: String,
    pub is_operator: bool,
    /// What their repls may be.
    pub policy: Arc<Policy>,
    pub login: Login,
}

impl FromRequestParts<Arc<App>> for User {
    type Rejection = ApiFailure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiFailure> {
        let bearer = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|h| h.to_str().ok())
            .and_then(|h| h.strip_prefix("Bearer "));
        let login = if let Some(token) = bearer {
            let person = app.people.by_key(token);
            let login = person.and_then(|person| app.logins.by_key(&person));
            login.ok_or(ApiFailure::SignedOut)?
        } else {
            let https = app.config.is_https();
            let id = app
                .keys
                .from_cookies(&parts.headers, Purpose::Editor, https)
                .ok_or(ApiFailure::SignedOut)?;
            let login = app.logins.find(&id).await?.ok_or(ApiFailure::SignedOut)?;
            check_origin(app, &parts.method, &parts.headers)?;
            login
        };
        let person = app.people.find(&login.user);
        let person = person.ok_or(ApiFailure::SignedOut)?;
        Ok(Self {
            policy: app.people.policy(&person.id),
            is_operator: person.is_operator(),
            id: person.id,
            name: person.name,
            role: person.role,
            login,
        })
    }
}

/// The signed-in user of a request that is the operator's alone.
pub struct Operator(pub User);

impl Operator {
    /// Asked when something is done: they may have been somebody else's equal when the request began.
    pub fn still(&self, app: &App) -> Result<(), ApiFailure> {
        let person = app.people.find(&self.0.id);
        match person.is_some_and(|person| person.is_operator()) && self.0.login.holds() {
            true => Ok(()),
            false => Err(NOT_OPERATOR),
        }
    }
}

/// What is told to everybody else.
const NOT_OPERATOR: ApiFailure = ApiFailure::Forbidden("This is for the operator of this server.");

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiFailure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiFailure> {
        let user = User::from_request_parts(parts, app).await?;
        match user.is_operator {
            true => Ok(Self(user)),
            false => Err(NOT_OPERATOR),
        }
    }
}

/// Refuses what another origin's page sends with our user's cookie.
pub fn check_origin(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), ApiFailure> {
    let upgrade = headers.contains_key(hyper::header::UPGRADE);
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && !upgrade;
    let text = |name: &str| headers.get(name).and_then(|h| h.to_str().ok());
    if let Some(site) = text("sec-fetch-site")
        && !safe
        && !matches!(site, "same-origin" | "none")
    {
        return Err(ApiFailure::Forbidden(
            "This request comes from another site.",
        ));
    }
    let host = text(HOST.as_str()).unwrap_or_default();
    match text(ORIGIN.as_str()) {
        Some(origin) if app.hosts.is_same_origin(origin, host) => Ok(()),
        // A page of another origin that merely reads can't see the answer: it gets no CORS header.
        _ if safe => Ok(()),
        Some(_) => Err(ApiFailure::Forbidden(
            "This request comes from another site.",
        )),
        None => Err(ApiFailure::Forbidden(
            "A request that changes something needs an Origin header, or a Bearer token.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys {
            signing: [7; 32],
            token: "secret".into(),
        }
    }

    #[test]
    fn a_signed_value_holds_for_its_purpose_host_and_time_alone() {
        let keys = keys();
        let value = keys.sign(
            Purpose::Editor,
            "alcove.localhost:8080",
            "local",
            now_ms() + 1000,
        );
        assert_eq!(
            keys.verify(Purpose::Editor, "Alcove.localhost:8080", &value)
                .as_deref(),
            Some("local")
        );
        assert_eq!(
            keys.verify(Purpose::Preview, "alcove.localhost:8080", &value),
            None
        );
        assert_eq!(
            keys.verify(Purpose::Editor, "x.alcove.localhost:8080", &value),
            None
        );
        let late = keys.sign(Purpose::Editor, "h", "local", now_ms() - 1);
        assert_eq!(keys.verify(Purpose::Editor, "h", &late), None);
        assert_eq!(
            keys.verify(
                Purpose::Editor,
                "alcove.localhost:8080",
                &value.replace("local.", "other.")
            ),
            None
        );
        for nonsense in ["", ".", "..", "a.b.c", "local.9999999999999."] {
            assert_eq!(keys.verify(Purpose::Editor, "h", nonsense), None);
        }
    }

    #[test]
    fn a_cookie_that_is_no_text_hides_no_other() {
        let keys = keys();
        let good = keys.sign(Purpose::Editor, "h", "local", now_ms() + 1000);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "h".parse().unwrap());
        let value = [b"a=\xff\xfe; b=\xc3\xbc; alcove_session=", good.as_bytes()].concat();
        headers.insert(COOKIE, axum::http::HeaderValue::from_bytes(&value).unwrap());
        assert_eq!(
            keys.from_cookies(&headers, Purpose::Editor, false)
                .as_deref(),
            Some("local")
        );
    }

    #[test]
    fn tossed_cookies_are_passed_over() {
        let keys = keys();
        let good = keys.sign(Purpose::Editor, "h", "local", now_ms() + 1000);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "h".parse().unwrap());
        headers.insert(
            COOKIE,
            format!("alcove_session=evil; x=1; alcove_session={good}")
                .parse()
                .unwrap(),
        );
        assert_eq!(
            keys.from_cookies(&headers, Purpose::Editor, false)
                .as_deref(),
            Some("local")
        );
        headers.insert(
            COOKIE,
            format!(
                "{}alcove_session={good}",
                "alcove_session=x; ".repeat(MAX_CANDIDATES)
            )
            .parse()
            .unwrap(),
        );
        assert_eq!(keys.from_cookies(&headers, Purpose::Editor, false), None);
    }
}
