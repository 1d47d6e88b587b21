//! The routes of a part of the service, each with who may use it: none can be added without.

use std::sync::Arc;

use axum::http::Method;
use axum::routing::MethodRouter;
use utoipa::openapi::path::PathItem;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::event::Role;
use crate::http::access::{Access, Entry};
use crate::http::shared::Shared;

/// Some routes.
#[derive(Default)]
pub struct Routes {
    router: OpenApiRouter<Arc<Shared>>,
    entries: Vec<Entry>,
}

/// What `routes!` makes of handlers.
type Documented = UtoipaMethodRouter<Arc<Shared>>;

impl Routes {
    /// For every token; the answer depends on the view and the address alone, so it carries an entity tag and the position it was read at.
    pub fn of_view(self, routes: Documented) -> Self {
        self.add(Access::From(Role::Viewer), true, routes)
    }

    /// For tokens of this role or a higher one.
    pub fn with(self, role: Role, routes: Documented) -> Self {
        self.add(Access::From(role), false, routes)
    }

    /// Without a token.
    pub fn public(self, routes: Documented) -> Self {
        self.add(Access::Public, false, routes)
    }

    /// A page, without a token: the document does not tell of it.
    pub fn page(mut self, path: &str, page: MethodRouter<Arc<Shared>>) -> Self {
        self.entries.push(Entry { method: Method::GET, path: path.to_owned(), access: Access::Public, of_view: false });
        self.router = self.router.route(path, page);
        self
    }

    /// Those of another part too.
    pub fn and(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.entries.extend(others.entries);
        self
    }

    fn add(mut self, access: Access, of_view: bool, routes: Documented) -> Self {
        for (path, item) in &routes.1.paths {
            let entry = |method| Entry { method, path: path.clone(), access, of_view };
            self.entries.extend(methods_of(item).map(entry));
        }
        self.router = self.router.routes(routes);
        self
    }

    /// The router, with the document that tells of it.
    pub fn into_router(self) -> OpenApiRouter<Arc<Shared>> {
        self.router
    }

    /// Who may do what.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

fn methods_of(item: &PathItem) -> impl Iterator<Item = Method> {
    let operations =
        [(Method::GET, &item.get), (Method::PUT, &item.put), (Method::POST, &item.post), (Method::DELETE, &item.delete)];
    operations.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method)
}
