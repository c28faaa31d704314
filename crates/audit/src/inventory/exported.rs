//! An object of an export, with the place of each of its properties.

use tenantry_lab::export::{Node, Value};
use tenantry_lab::world::Place;

/// A typed object and what it was made of.
#[derive(Debug, Clone)]
pub struct Exported<T> {
    /// The object.
    pub value: T,
    /// What was read, with places.
    pub node: Node,
}

impl<T> Exported<T> {
    /// Where a property stands; the object itself where it has none of that name.
    #[must_use]
    pub fn place(&self, property: &str) -> &Place {
        self.node
            .property(property)
            .map_or(&self.node.place, |node| &node.place)
    }

    /// Where an element of a list stands; the property where it is no list that long.
    #[must_use]
    pub fn element(&self, property: &str, index: usize) -> &Place {
        let listed = self.node.property(property).map(|node| &node.value);
        let Some(Value::List(nodes)) = listed else {
            return self.place(property);
        };
        nodes
            .get(index)
            .map_or_else(|| self.place(property), |node| &node.place)
    }
}
