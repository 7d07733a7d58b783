//! Handles. A handle names a slot and the generation of its content, so that one that was freed is
//! recognized for ever after, also when the slot has a new tenant.

/// Bits of a handle that name the slot; the generation is above them. Handles stay below 2^53,
/// because the other side carries them as doubles.
const SLOT_BITS: u32 = 21;
const MAX_SLOTS: usize = 1 << SLOT_BITS;

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// A table of values by handle.
pub struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T: Clone> Table<T> {
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Gives `value` a handle, which is never zero; `None` when every slot is taken.
    pub fn insert(&mut self, value: T) -> Option<u64> {
        let index = match self.free.pop() {
            Some(index) => index as usize,
            None if self.slots.len() < MAX_SLOTS => {
                self.slots.push(Slot {
                    generation: 0,
                    value: None,
                });
                self.slots.len() - 1
            }
            None => return None,
        };
        let slot = &mut self.slots[index];
        slot.generation += 1;
        slot.value = Some(value);
        Some(u64::from(slot.generation) << SLOT_BITS | index as u64)
    }

    pub fn get(&self, handle: u64) -> Option<T> {
        let slot = self.slots.get(handle as usize & (MAX_SLOTS - 1))?;
        if u64::from(slot.generation) != handle >> SLOT_BITS {
            return None;
        }
        slot.value.clone()
    }

    pub fn remove(&mut self, handle: u64) -> Option<T> {
        let index = handle as usize & (MAX_SLOTS - 1);
        let slot = self.slots.get_mut(index)?;
        if u64::from(slot.generation) != handle >> SLOT_BITS {
            return None;
        }
        let value = slot.value.take()?;
        // A slot whose generations are used up is retired: reusing it would revive old handles.
        if slot.generation < u32::MAX {
            self.free.push(index as u32);
        }
        Some(value)
    }

    /// Everything that the table holds.
    pub fn values(&self) -> Vec<T> {
        self.slots
            .iter()
            .filter_map(|slot| slot.value.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_handle_stays_dead_when_its_slot_is_reused() {
        let mut table = Table::new();
        let first = table.insert("first").unwrap();
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second").unwrap();
        assert_ne!(first, second);
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some("second"));
        assert_eq!(table.values(), ["second"]);
    }

    #[test]
    fn zero_and_made_up_handles_are_refused() {
        let mut table = Table::new();
        table.insert(1);
        for handle in [0, 1, u64::MAX, 5 << SLOT_BITS] {
            assert_eq!(table.get(handle), None);
            assert_eq!(table.remove(handle), None);
        }
    }

    #[test]
    fn a_slot_is_retired_when_its_generations_are_used_up() {
        let mut table = Table::new();
        let first = table.insert(1).unwrap();
        table.slots[0].generation = u32::MAX;
        let last = u64::from(u32::MAX) << SLOT_BITS;
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(last), Some(1));
        let next = table.insert(2).unwrap();
        assert_eq!(next as usize & (MAX_SLOTS - 1), 1);
        assert!(next < 1 << 53);
    }
}
