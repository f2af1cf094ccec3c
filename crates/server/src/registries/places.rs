//! How many connections there are at once, of each user of this machine and of all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

pub struct Places {
    most_of_user: usize,
    most: usize,
    taken: Mutex<HashMap<u32, usize>>,
}

/// One that is taken, until it is dropped.
pub struct Place {
    places: Arc<Places>,
    user: u32,
}

impl Places {
    pub fn new(most_of_user: usize, most: usize) -> Self {
        Self {
            most_of_user,
            most,
            taken: Mutex::default(),
        }
    }

    /// `None`: there are too many.
    pub fn enter(self: &Arc<Self>, user: u32) -> Option<Place> {
        let mut taken = self.taken.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(&user).copied().unwrap_or(0);
        if all >= self.most || own >= self.most_of_user {
            return None;
        }
        taken.insert(user, own + 1);
        Some(Place {
            places: self.clone(),
            user,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        if let Some(own) = taken.get_mut(&self.user) {
            *own -= 1;
        }
        taken.retain(|_, own| *own > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_places_for_one_and_for_all_and_they_are_given_back() {
        let places = Arc::new(Places::new(2, 3));
        let one: Vec<_> = (0..2).map(|_| places.enter(1)).collect();
        assert!(one.iter().all(Option::is_some) && places.enter(1).is_none());
        let other = places.enter(2);
        assert!(other.is_some() && places.enter(3).is_none());
        drop(one);
        assert!(places.enter(3).is_some());
        drop(other);
        assert!(places.taken.lock().is_empty());
    }
}
