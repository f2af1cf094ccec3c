//! How many are at work at once: repls that run, and templates that are set up.

use std::sync::Arc;

use parking_lot::Mutex;

/// Counts who is at work, and says when that becomes several, or one at most.
pub struct Crowd {
    members: Mutex<usize>,
    tell: Box<dyn Fn(bool) + Send + Sync>,
}

/// Somebody is at work, for as long as this lives.
pub struct Member(Arc<Crowd>);

impl Crowd {
    /// `tell` is called at once, since nobody is there yet, and then in the order of what happens: it is to be
    /// quick, and not to call this.
    pub fn new(tell: impl Fn(bool) + Send + Sync + 'static) -> Arc<Self> {
        tell(false);
        Arc::new(Self {
            members: Mutex::default(),
            tell: Box::new(tell),
        })
    }

    pub fn enter(self: &Arc<Self>) -> Member {
        let mut members = self.members.lock();
        *members += 1;
        if *members == 2 {
            (self.tell)(true);
        }
        Member(self.clone())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.0.members.lock();
        *members -= 1;
        if *members == 1 {
            (self.0.tell)(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_when_several_are_there_and_when_no_longer() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let crowd = Crowd::new(move |several| tell.lock().push(several));
        let (first, second) = (crowd.enter(), crowd.enter());
        let third = crowd.enter();
        assert_eq!(*told.lock(), [false, true]);
        drop(first);
        assert_eq!(*told.lock(), [false, true]);
        drop(second);
        drop(third);
        drop(crowd.enter());
        assert_eq!(*told.lock(), [false, true, false]);
        let _both = (crowd.enter(), crowd.enter());
        assert_eq!(*told.lock(), [false, true, false, true]);
    }
}
