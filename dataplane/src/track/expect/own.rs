//! What has one connection announced? As many as its helper may at most, the oldest first.

use super::Class;
use zerocopy::FromZeros;

/// Connections that one may announce at a time: those of RAS; of SIP it is eleven.
pub const MOST_OF_ONE: usize = 32;

/// An expectation, for the connection that announced it. All zero is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Handle {
    /// The slot, from 1.
    slot: u16,
    class: u16,
    version: u32,
}

impl Handle {
    pub(super) const NONE: Self = Self { slot: 0, class: 0, version: 0 };

    pub(super) const fn new(slot: usize, version: u32, class: Class) -> Self {
        Self { slot: slot as u16 + 1, class: class as u16, version }
    }

    pub(super) const fn is_none(self) -> bool {
        self.slot == 0
    }

    pub(super) const fn slot(self) -> Option<usize> {
        (self.slot as usize).checked_sub(1)
    }

    pub(super) const fn version(self) -> u32 {
        self.version
    }

    pub(super) const fn class(self) -> Class {
        Class::ALL[self.class as usize & 3]
    }
}

/// The expectations of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Own {
    handles: [Handle; MOST_OF_ONE],
}

impl Own {
    /// Whether it has announced none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.handles[0].is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Handle> {
        self.handles.into_iter().take_while(|handle| !handle.is_none())
    }

    pub(super) fn of_class(&self, class: Class) -> impl Iterator<Item = Handle> {
        self.iter().filter(move |handle| handle.class() == class)
    }

    pub(super) fn count(&self, class: Class) -> usize {
        self.of_class(class).count()
    }

    pub(super) fn oldest(&self, class: Class) -> Handle {
        self.of_class(class).next().unwrap_or(Handle::NONE)
    }

    pub(super) fn in_slot(&self, slot: usize, version: u32) -> Option<Handle> {
        self.iter().find(|handle| handle.slot() == Some(slot) && handle.version == version)
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(Handle) -> bool) {
        let before = std::mem::take(&mut self.handles);
        let mut room = self.handles.iter_mut();
        for handle in before.into_iter().filter(|handle| !handle.is_none() && stays(*handle)) {
            if let Some(place) = room.next() {
                *place = handle;
            }
        }
    }

    pub(super) fn remove(&mut self, handle: Handle) {
        self.retain(|known| known != handle);
    }

    /// One more; the classes' bounds leave room for it.
    pub(super) fn add(&mut self, handle: Handle) {
        if let Some(place) = self.handles.iter_mut().find(|place| place.is_none()) {
            *place = handle;
        }
    }
}
