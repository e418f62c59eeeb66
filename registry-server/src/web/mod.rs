//! Pages for people: what they look like, without how they are served. No scripts.

mod api_page;
mod schema;

pub(crate) use api_page::api_page;

use maud::{DOCTYPE, Markup, html};

/// The style of every page.
pub(crate) const STYLE: &str = include_str!("style.css");

/// A page with a title.
fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                (content)
            }
        }
    }
}

/// Text in which words between backticks are code.
fn inline(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Text in which an empty line separates paragraphs.
fn paragraphs(text: &str) -> Markup {
    html! {
        @for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            p { (inline(paragraph)) }
        }
    }
}
