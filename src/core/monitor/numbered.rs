//! Things by number. Numbers are given in the order of the log and never a second time, so that a row of something that was deleted can never
//! be taken for one of what came after it.

/// A list in which a place stays empty once what was there is deleted.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    places: Vec<Option<T>>,
    live: usize,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { places: Vec::new(), live: 0 }
    }
}

impl<T> Numbered<T> {
    /// Takes things back with their numbers. `given`: how many numbers had been given at least.
    pub fn restore(things: impl IntoIterator<Item = (u32, T)>, given: u32) -> Self {
        let mut list = Self::default();
        list.places.resize_with(given as usize, || None);
        for (id, thing) in things {
            let place = id as usize;
            list.places.resize_with(list.places.len().max(place + 1), || None);
            list.live += usize::from(list.places[place].replace(thing).is_none());
        }
        list
    }

    /// Gives it the next number.
    pub fn push(&mut self, thing: T) -> u32 {
        let id = self.given();
        self.places.push(Some(thing));
        self.live += 1;
        id
    }

    pub fn remove(&mut self, id: u32) -> Option<T> {
        let removed = self.places.get_mut(id as usize)?.take();
        self.live -= usize::from(removed.is_some());
        removed
    }

    /// `None` if it was deleted, or the number was never given.
    pub fn find(&self, id: u32) -> Option<&T> {
        self.places.get(id as usize)?.as_ref()
    }

    /// Of a number that is known to be in use.
    pub fn get(&self, id: u32) -> &T {
        self.find(id).expect("whoever has a number has it of something that is there")
    }

    /// As [`Self::get`].
    pub fn get_mut(&mut self, id: u32) -> &mut T {
        self.places
            .get_mut(id as usize)
            .and_then(Option::as_mut)
            .expect("whoever has a number has it of something that is there")
    }

    /// By number, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.places).filter_map(|(id, place)| Some((id, place.as_ref()?)))
    }

    /// How many there are now.
    pub const fn len(&self) -> usize {
        self.live
    }

    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Numbers given so far; the next one.
    pub fn given(&self) -> u32 {
        self.places.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_never_given_again() {
        let mut list = Numbered::default();
        assert_eq!((list.push('a'), list.push('b')), (0, 1));
        assert_eq!(list.remove(1), Some('b'));
        assert_eq!((list.remove(1), list.remove(7)), (None, None));
        assert_eq!((list.push('c'), list.len(), list.given()), (2, 2, 3));
        let left: Vec<(u32, char)> = list.iter().map(|(id, thing)| (id, *thing)).collect();
        assert_eq!(left, [(0, 'a'), (2, 'c')]);
        list.remove(2);
        let restored = Numbered::restore([(0, 'a')], list.given());
        assert_eq!((restored.len(), restored.given(), restored.find(2)), (1, 3, None), "the end is remembered too");
    }
}
