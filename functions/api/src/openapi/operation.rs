//! What the document says of one operation. Each module of `routes` lists its own beside its routes.

use schemars::JsonSchema;
use wire::schema::{self, SchemaOf};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// An API key of an organization.
    Key,
    /// The operator's key.
    Admin,
    /// Anybody.
    Nobody,
}

/// What a success looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// An object under its root key.
    One(&'static str, SchemaOf),
    /// The same, or an empty body.
    OneOrEmpty(&'static str, SchemaOf),
    /// A list under its plural, without `meta`.
    All(&'static str, SchemaOf),
    /// The same, or an empty body.
    AllOrEmpty(&'static str, SchemaOf),
    /// A page of a list, with `meta`.
    Page(&'static str, SchemaOf),
    /// An object without root key.
    Bare(SchemaOf),
    /// An empty body.
    Empty,
    /// There is none: it is always refused.
    Never,
    /// Another type of content.
    Other(&'static str),
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    /// An object under its root key.
    Rooted(&'static str, SchemaOf),
    /// An object without root key.
    Bare(SchemaOf),
}

/// A parameter of the query.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) kind: ParameterKind,
    pub(crate) is_required: bool,
}

/// How the value of a parameter looks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ParameterKind {
    Text(&'static str),
    Number,
    Date,
    Instant,
    Word(&'static [&'static str]),
    /// May be repeated: the union.
    Words(&'static [&'static str]),
}

/// An operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    /// As the router knows it, below the prefix of its module.
    pub(crate) path: String,
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) notes: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) auth: Auth,
    pub(crate) query: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) answer: Answer,
    /// Codes by status, beside those that every operation of its kind can answer.
    pub(crate) codes: Vec<(u16, String)>,
    /// Whether the input is checked: 422 `validation_errors`.
    pub(crate) is_checked: bool,
    /// Whether `PATCH` does the same.
    pub(crate) is_patch_too: bool,
}

fn operation(method: &'static str, path: &str, id: &'static str, summary: &'static str) -> Operation {
    Operation {
        method,
        path: path.to_owned(),
        id,
        summary,
        notes: "",
        tag: "",
        auth: Auth::Key,
        query: Vec::new(),
        body: None,
        answer: Answer::Empty,
        codes: Vec::new(),
        is_checked: false,
        is_patch_too: false,
    }
}

/// `GET`.
pub(crate) fn get(path: &str, id: &'static str, summary: &'static str) -> Operation {
    operation("get", path, id, summary)
}

/// `POST`.
pub(crate) fn post(path: &str, id: &'static str, summary: &'static str) -> Operation {
    operation("post", path, id, summary)
}

/// `PUT`.
pub(crate) fn put(path: &str, id: &'static str, summary: &'static str) -> Operation {
    operation("put", path, id, summary)
}

/// `PUT`, and `PATCH` for the same (chapter 05, 1.2). The id begins with `update`.
pub(crate) fn update(path: &str, id: &'static str, summary: &'static str) -> Operation {
    Operation { is_patch_too: true, ..put(path, id, summary) }
}

/// `DELETE`.
pub(crate) fn delete(path: &str, id: &'static str, summary: &'static str) -> Operation {
    operation("delete", path, id, summary)
}

impl Operation {
    /// More than the summary says.
    pub(crate) fn notes(self, notes: &'static str) -> Operation {
        Operation { notes, ..self }
    }

    /// No key is asked for.
    pub(crate) fn open(self) -> Operation {
        Operation { auth: Auth::Nobody, ..self }
    }

    /// The operator's key is asked for.
    pub(crate) fn of_the_operator(self) -> Operation {
        Operation { auth: Auth::Admin, ..self }
    }

    /// The body: `T` under a root key. Its fields are checked.
    pub(crate) fn takes<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { body: Some(Body::Rooted(root, schema::input::<T>)), is_checked: true, ..self }
    }

    /// The same for an edit: every key may be left out.
    pub(crate) fn edits<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { body: Some(Body::Rooted(root, schema::partial::<T>)), is_checked: true, ..self }
    }

    /// The body: `T` as it is. Its fields are checked.
    pub(crate) fn takes_bare<T: JsonSchema>(self) -> Operation {
        Operation { body: Some(Body::Bare(schema::input::<T>)), is_checked: true, ..self }
    }

    /// 200: an object under its root key.
    pub(crate) fn gives<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { answer: Answer::One(root, schema::answer::<T>), ..self }
    }

    /// 200: an object under its root key, or an empty body.
    pub(crate) fn gives_or_empty<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { answer: Answer::OneOrEmpty(root, schema::answer::<T>), ..self }
    }

    /// 200: a list without `meta`.
    pub(crate) fn gives_all<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { answer: Answer::All(root, schema::answer::<T>), ..self }
    }

    /// 200: a list without `meta`, or an empty body.
    pub(crate) fn gives_all_or_empty<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { answer: Answer::AllOrEmpty(root, schema::answer::<T>), ..self }
    }

    /// 200: a page of a list.
    pub(crate) fn lists<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { answer: Answer::Page(root, schema::answer::<T>), ..self }
            .query("page", ParameterKind::Number, "Which page, from 1.")
            .query("per_page", ParameterKind::Number, "Entries of a page, at most 1000; 100 if absent.")
    }

    /// 200: a list with `meta`, that is not cut into pages.
    pub(crate) fn lists_whole<T: JsonSchema>(self, root: &'static str) -> Operation {
        Operation { answer: Answer::Page(root, schema::answer::<T>), ..self }
    }

    /// 200: an object without root key.
    pub(crate) fn gives_bare<T: JsonSchema>(self) -> Operation {
        Operation { answer: Answer::Bare(schema::answer::<T>), ..self }
    }

    /// 200: something that is no JSON.
    pub(crate) fn gives_other(self, content_type: &'static str) -> Operation {
        Operation { answer: Answer::Other(content_type), ..self }
    }

    /// It is always refused.
    pub(crate) fn gives_nothing(self) -> Operation {
        Operation { answer: Answer::Never, ..self }
    }

    /// A parameter of the query.
    pub(crate) fn query(mut self, name: &'static str, kind: ParameterKind, meaning: &'static str) -> Operation {
        self.query.push(Parameter { name, meaning, kind, is_required: false });
        self
    }

    /// A parameter of the query without which the request is refused.
    pub(crate) fn needs(mut self, name: &'static str, kind: ParameterKind, meaning: &'static str) -> Operation {
        self.query.push(Parameter { name, meaning, kind, is_required: true });
        self
    }

    /// 404: these objects may not be there.
    pub(crate) fn missing(mut self, resources: &[&str]) -> Operation {
        self.codes.extend(resources.iter().map(|resource| (404, format!("{resource}_not_found"))));
        self
    }

    /// These codes under a status.
    pub(crate) fn refuses(mut self, status: u16, codes: &[&str]) -> Operation {
        self.codes.extend(codes.iter().map(|code| (status, (*code).to_owned())));
        self
    }

    /// 422 without a body, or of the query.
    pub(crate) fn checked(self) -> Operation {
        Operation { is_checked: true, ..self }
    }

    /// Whether it changes something: it can be made once by `Idempotency-Key`.
    pub(crate) fn is_change(&self) -> bool {
        self.method != "get"
    }
}

/// Operations of a feature.
pub(crate) fn of<const N: usize>(tag: &'static str, operations: [Operation; N]) -> Vec<Operation> {
    operations.into_iter().map(|operation| Operation { tag, ..operation }).collect()
}
