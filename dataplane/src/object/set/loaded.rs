//! What does a set begin with? The elements that its policy loads, and those that packets have put into the one before it.

use super::bucket::LANES;
use super::{DynamicSet, Element, MOST_PARTS, NOWHERE, New, Relaxed};
use config::policy::Value;

impl DynamicSet {
    /// Puts an element in as the policy loads it. Whether there was room.
    pub(in crate::object) fn load(&self, key: &[Value], new: New<'_>, now: u64) -> bool {
        self.put(key, new, now, || None).is_some()
    }

    /// Puts an element in for every key that no other holds at the time. It has a record of its own.
    pub(in crate::object) fn load_rest(&mut self, new: New<'_>) {
        let record = self.size;
        self.write(record, &[0; MOST_PARTS][..self.shape.parts()], new);
        self.rest = Some(record);
    }

    /// The element for every key that no other holds, if its time is not over.
    #[inline]
    pub(in crate::object) fn rest(&self, now: u64) -> Option<Element> {
        let record = self.rest?;
        let kept = self.record(record);
        let data = kept.data();
        (now < kept.end().load(Relaxed)).then_some(Element { lane: NOWHERE, record, data })
    }

    /// Takes over the elements that packets have put into `old`, with the time they have left and the state of their
    /// statements.
    pub(in crate::object) fn inherit(&self, old: &Self, now: u64) {
        let parts = self.shape.parts();
        if (parts, self.room) != (old.shape.parts(), old.room) || self.each != old.each {
            return;
        }
        let mut key = [0; MOST_PARTS];
        for (number, bucket) in old.buckets.iter().enumerate() {
            for lane in bucket.head().taken() {
                let Some(from) = old.record_of(number * LANES + lane) else { continue };
                let end = from.end().load(Relaxed);
                if now >= end || from.is_loaded() {
                    continue;
                }
                from.key(&mut key[..parts]);
                let each = from.list();
                let new = New { data: from.data(), each, starts: &[], end, loaded: false };
                if let Some((Element { record, .. }, _)) = self.put(&key[..parts], new, now, || None) {
                    let to = self.record(record);
                    to.end().store(end, Relaxed);
                    let to = to.state();
                    for (to, from) in to.iter().zip(from.state()) {
                        to.store(from.load(Relaxed), Relaxed);
                    }
                    if let Some(each) = self.each.get(each as usize) {
                        each.forget_connections(to);
                    }
                }
            }
        }
    }
}
