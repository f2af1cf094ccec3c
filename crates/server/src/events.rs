//! Server-sent events: what happens to repls. WHATWG HTML §9.2.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use alcove_protocol::api::ReplState;

use crate::auth::User;
use crate::{ApiFailure, App};

/// Proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

#[derive(Serialize)]
struct ReplEvent {
    id: String,
    state: ReplState,
}

type Events<S> = Sse<axum::response::sse::KeepAliveStream<S>>;

/// A stream that ends with the server, or when its user signs out.
fn until_the_end<S: Stream<Item = Result<Event, Infallible>> + Send + 'static>(
    app: &App,
    user: User,
    stream: S,
) -> Events<impl Stream<Item = Result<Event, Infallible>> + use<S>> {
    let closing = app.closing.clone();
    let end = async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = user.login.ended() => {}
        }
    };
    Sse::new(stream.take_until(Box::pin(end))).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn event(name: &str, data: &impl Serialize) -> Result<Event, Infallible> {
    Ok(Event::default()
        .event(name)
        .json_data(data)
        .unwrap_or_default())
}

/// Server-sent events of a repl: `state`, now and after every change.
#[utoipa::path(get, path = "/api/repls/{id}/events", responses((status = 200, content_type = "text/event-stream", body = ReplState)), params(("id" = String, Path)))]
pub async fn of_repl(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<Events<impl Stream<Item = Result<Event, Infallible>>>, ApiFailure> {
    let repl = crate::api::owned(&app, &user, &id).await?;
    let states = app.repls.watch(&repl);
    let stream = futures_util::stream::unfold((states, true), |(mut states, first)| async move {
        if !first {
            states.changed().await.ok()?;
        }
        let state = states.borrow_and_update().clone();
        Some((event("state", &state), (states, false)))
    });
    Ok(until_the_end(&app, user, stream))
}

/// Server-sent events: `repl`, for each change of any of your repls; `lagged`, when some were missed.
#[utoipa::path(get, path = "/api/events", responses((status = 200, content_type = "text/event-stream")))]
pub async fn of_user(
    State(app): State<Arc<App>>,
    user: User,
) -> Events<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = app.repls.changes();
    let id = user.id.clone();
    let stream = futures_util::stream::unfold((changes, id), |(mut changes, user)| async move {
        loop {
            match changes.recv().await {
                Ok(change) if change.owner == user => {
                    let data = ReplEvent {
                        id: change.id,
                        state: change.state,
                    };
                    return Some((event("repl", &data), (changes, user)));
                }
                // The page asks anew when it has missed some.
                Err(RecvError::Lagged(_)) => {
                    return Some((event("lagged", &()), (changes, user)));
                }
                Err(RecvError::Closed) => return None,
                Ok(_) => {}
            }
        }
    });
    until_the_end(&app, user, stream)
}
