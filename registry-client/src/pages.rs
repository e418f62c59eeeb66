//! Lists that come page by page.

use crate::client::{Client, other};
use crate::error::ClientError;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, future, stream};
use registry_core::limits::LimitExceeded;
use serde::de::DeserializeOwned;

/// The items of a list. A page is asked for when the one before it was read to its end.
pub type Items<T> = BoxStream<'static, Result<T, ClientError>>;

/// A question whose answer has pages.
pub(crate) struct Question {
    client: Client,
    path: Vec<String>,
    parameters: Vec<(&'static str, String)>,
}

/// The items of all pages, each of which `split` takes apart into its items and what the next one begins after.
/// `check` refuses an item that is not what was asked for.
pub(crate) fn items<P: DeserializeOwned + Send + 'static, T: Send + 'static>(
    question: Question,
    split: fn(P) -> (Vec<T>, Option<String>),
    check: impl Fn(&T) -> Result<(), ClientError> + Send + 'static,
) -> Items<T> {
    let pages = stream::try_unfold((question, Position::Start), move |state| next_page(state, split));
    let items = pages.map_ok(|page| stream::iter(page).map(Ok)).try_flatten();
    items.and_then(move |item| future::ready(check(&item).map(|()| item))).boxed()
}

/// How much of a list was read.
enum Position {
    Start,
    After(String),
    End,
}

async fn next_page<P: DeserializeOwned, T>(
    (question, position): (Question, Position),
    split: fn(P) -> (Vec<T>, Option<String>),
) -> Result<Option<(Vec<T>, (Question, Position))>, ClientError> {
    let after = match position {
        Position::Start => None,
        Position::After(after) => Some(after),
        Position::End => return Ok(None),
    };
    let (items, next) = split(question.page(after.as_deref()).await?);
    question.check_progress(items.len(), after.as_deref(), next.as_deref())?;
    Ok(Some((items, (question, next.map_or(Position::End, Position::After)))))
}

impl Question {
    pub(crate) fn new(client: &Client, path: &[&str], parameters: Vec<(&'static str, String)>) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self { client: client.clone(), path, parameters }
    }

    async fn page<P: DeserializeOwned>(&self, after: Option<&str>) -> Result<P, ClientError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let limit = self.client.transport().page_items_max.to_string();
        let mut parameters = vec![("limit", limit.as_str())];
        parameters.extend(self.parameters.iter().map(|(name, value)| (*name, value.as_str())));
        parameters.extend(after.map(|after| ("after", after)));
        self.client.get_query(&path, &parameters).await
    }

    /// A list that says that it goes on, and does not, would be asked for without end.
    fn check_progress(&self, found: usize, after: Option<&str>, next: Option<&str>) -> Result<(), ClientError> {
        let limits = self.client.transport();
        LimitExceeded::check("the number of items in a page", found, limits.page_items_max, "page_items_max")?;
        let Some(next) = next else {
            return Ok(());
        };
        let size = next.len();
        LimitExceeded::check(
            "the size of a page's end in bytes",
            size,
            limits.cursor_size_bytes_max,
            "cursor_size_bytes_max",
        )?;
        if found == 0 || after == Some(next) {
            return Err(other("the next page", "the same one"));
        }
        Ok(())
    }
}
