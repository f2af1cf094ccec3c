//! Opens a store by its address: a folder, or one of the cloud stores that `object_store` speaks to.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use crate::folder::FolderStore;
use crate::{Result, VolumeError};

/// What an address may be, for a person.
pub const FORMS: &str =
    "a folder, file:///folder, s3://bucket/prefix, gs://bucket/prefix, or az://container/prefix";
/// Tries of one request, and for how long: a checkpoint that fails is tried again as a whole.
const MAX_RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
/// Settings that are secret: an address is shown and logged.
const SECRET: [&str; 10] = [
    "access_key_id",
    "secret_access_key",
    "session_token",
    "token",
    "service_account_key",
    "account_key",
    "access_key",
    "client_secret",
    "sas_token",
    "sas_key",
];

/// Variables by name.
pub type Environment = HashMap<String, String>;

/// A store, and the folder that it is, if it is one.
pub(crate) type Opened = (Arc<dyn ObjectStore>, Option<Arc<FolderStore>>);

/// The store at `url`. `create`: a folder that is missing is made. S3 has its credentials from `environment`,
/// the others from the process's.
pub(crate) fn open(url: &str, create: bool, environment: &Environment) -> Result<Opened> {
    let parsed = match url.split_once("://") {
        None => return folder(url, create),
        Some(("file", path)) => return folder(path, create),
        Some(_) => Url::parse(url).map_err(|e| refused(format!("{url} is no address: {e}")))?,
    };
    install_crypto();
    let unusable = |e: object_store::Error| refused(format!("{url}: {e}"));
    let retry = RetryConfig {
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_TIMEOUT,
        ..RetryConfig::default()
    };
    let settings = settings(&parsed)?;
    let mut bare = parsed.clone();
    bare.set_query(None);
    bare.set_path("");
    macro_rules! built {
        ($builder:expr) => {{
            let mut builder = $builder.with_url(bare).with_retry(retry);
            for (key, value) in &settings {
                let known = key.parse();
                let known =
                    known.map_err(|_| refused(format!("{url}: there is no setting {key}")))?;
                builder = builder.with_config(known, value);
            }
            builder
        }};
    }
    let prefix = Path::from_url_path(parsed.path())
        .map_err(|e| refused(format!("{url} is no address: {e}")))?;
    match parsed.scheme() {
        "s3" => {
            let variables = environment
                .iter()
                .map(|(key, value)| (key.to_ascii_lowercase(), value.clone()))
                .filter(|(key, _)| key.starts_with("aws_"));
            let mut builder = AmazonS3Builder::default();
            for (key, value) in variables.chain(aws_profile(environment)) {
                if let Ok(key) = key.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            let mut builder = built!(builder);
            let endpoint = settings
                .get("endpoint")
                .or_else(|| environment.get("AWS_ENDPOINT_URL_S3"))
                .or_else(|| environment.get("AWS_ENDPOINT_URL"));
            if endpoint.is_some_and(|e| e.starts_with("http://")) {
                builder = builder.with_allow_http(true);
            }
            Ok((below(builder.build().map_err(unusable)?, prefix), None))
        }
        "gs" => Ok((
            below(
                built!(GoogleCloudStorageBuilder::from_env())
                    .build()
                    .map_err(unusable)?,
                prefix,
            ),
            None,
        )),
        "az" => Ok((
            below(
                built!(MicrosoftAzureBuilder::from_env())
                    .build()
                    .map_err(unusable)?,
                prefix,
            ),
            None,
        )),
        scheme => Err(refused(format!(
            "a store at {scheme}:// is not supported: give {FORMS}"
        ))),
    }
}

fn refused(message: String) -> VolumeError {
    VolumeError::Limit(message)
}

fn folder(path: &str, create: bool) -> Result<Opened> {
    let store = FolderStore::open(PathBuf::from(path), create)
        .map_err(|e| VolumeError::local(format!("the store's folder {path}"), e))?;
    let store = Arc::new(store);
    Ok((store.clone(), Some(store)))
}

fn below(store: impl ObjectStore, prefix: Path) -> Arc<dyn ObjectStore> {
    if prefix.as_ref().is_empty() {
        Arc::new(store)
    } else {
        Arc::new(PrefixStore::new(store, prefix))
    }
}

/// What follows the `?` of an address.
fn settings(url: &Url) -> Result<HashMap<String, String>> {
    let mut settings = HashMap::new();
    for (key, value) in url.query_pairs() {
        if SECRET.iter().any(|secret| key.ends_with(secret)) {
            return Err(refused(format!(
                "{key} does not belong into the store's address, which is shown and logged: give it by the environment"
            )));
        }
        settings.insert(key.into_owned(), value.into_owned());
    }
    Ok(settings)
}

/// TLS by `ring`. Whoever installed another before keeps it.
fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Keys of the profile that `AWS_PROFILE` names (`default` without it), if the environment itself has
/// none. The files' format:
/// <https://docs.aws.amazon.com/cli/v1/userguide/cli-configure-files.html>
fn aws_profile(environment: &Environment) -> Vec<(String, String)> {
    let set = |name: &str| environment.contains_key(name);
    if set("AWS_ACCESS_KEY_ID") || set("AWS_WEB_IDENTITY_TOKEN_FILE") {
        return Vec::new();
    }
    let profile = environment
        .get("AWS_PROFILE")
        .map_or("default", |name| name);
    let file = |variable: &str, name: &str| {
        let named = environment.get(variable).map(PathBuf::from);
        let usual = || {
            Some(
                PathBuf::from(environment.get("HOME")?)
                    .join(".aws")
                    .join(name),
            )
        };
        let path = named.or_else(usual);
        path.and_then(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default()
    };
    let mut found = section(&file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), profile);
    let title = match profile {
        "default" => profile.to_owned(),
        name => format!("profile {name}"),
    };
    for (key, value) in section(&file("AWS_CONFIG_FILE", "config"), &title) {
        found.entry(key).or_insert(value);
    }
    if let Some(region) = found.remove("region")
        && !set("AWS_REGION")
        && !set("AWS_DEFAULT_REGION")
    {
        found.insert("aws_region".into(), region);
    }
    found.retain(|key, _| key.starts_with("aws_"));
    found.into_iter().collect()
}

/// The pairs of one `[section]`.
fn section(text: &str, name: &str) -> HashMap<String, String> {
    let mut inside = false;
    let mut pairs = HashMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[') {
            inside = title.trim_end_matches(']').trim() == name;
        } else if inside
            && !line.starts_with(['#', ';'])
            && let Some((key, value)) = line.split_once('=')
        {
            pairs.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_opened_or_refused_with_words() {
        let none = Environment::new();
        // Nothing is asked of a network before the first request.
        for fine in [
            "s3://bucket/prefix?endpoint=http://127.0.0.1:1&region=eu-north-1",
            "gs://bucket",
        ] {
            assert!(
                open(fine, false, &none).is_ok(),
                "{fine}: {:?}",
                open(fine, false, &none).err()
            );
        }
        for (bad, why) in [
            ("ftp://somewhere", "not supported"),
            ("s3://bucket?colour=red", "no setting colour"),
            ("s3://bucket?secret_access_key=x", "by the environment"),
            ("s3://", "s3://: "),
        ] {
            let error = open(bad, false, &none)
                .err()
                .map(|e| e.to_string())
                .unwrap_or_default();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn credentials_are_those_of_the_profile() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(home.path().join(".aws").join(name), text);
        write(
            "credentials",
            "[default]\naws_access_key_id=a\n[work]\naws_access_key_id=b\n",
        )
        .unwrap();
        write(
            "config",
            "[profile work]\nregion = eu-north-1\noutput = json\n",
        )
        .unwrap();
        let home = home.path().to_str().unwrap().to_owned();
        let mut environment = Environment::from([("HOME".into(), home)]);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(aws_profile(&environment), [pair("aws_access_key_id", "a")]);
        environment.insert("AWS_PROFILE".into(), "work".into());
        let mut found = aws_profile(&environment);
        found.sort();
        assert_eq!(
            found,
            [
                pair("aws_access_key_id", "b"),
                pair("aws_region", "eu-north-1")
            ]
        );
        environment.insert("AWS_ACCESS_KEY_ID".into(), "c".into());
        assert_eq!(aws_profile(&environment), []);
    }

    #[test]
    fn a_profile_is_one_section() {
        let text = "[default]\naws_access_key_id = a\n# region = x\n\n[profile b]\nregion=eu\n";
        assert_eq!(
            section(text, "default"),
            HashMap::from([("aws_access_key_id".into(), "a".into())])
        );
        assert_eq!(
            section(text, "profile b"),
            HashMap::from([("region".into(), "eu".into())])
        );
        assert_eq!(section(text, "c"), HashMap::new());
    }
}
