use super::burst::Compares;
use super::leaves::BLOCK;
use super::{Bounds, Forest, MOST_AXES, NONE, PRICES, Point, Points, by_width};
use crate::io::BURST;
use proptest::prelude::*;

const BITS: [u32; 4] = [32, 16, 8, 5];

fn boxes(most: usize) -> impl Strategy<Value = Vec<Bounds>> {
    let side = |bits: u32| {
        let greatest = ((1u64 << bits) - 1) as u32;
        let near =
            (0..=greatest.min(300), 0..40u32).prop_map(move |(low, more)| (low, greatest.min(low + more)));
        let any = (0..=greatest, 0..=greatest).prop_map(|(a, b)| (a.min(b), a.max(b)));
        let block = (0..=greatest, 0..=bits).prop_map(move |(low, free)| {
            let mask = ((1u64 << free) - 1) as u32;
            (low & !mask, low | mask)
        });
        prop::option::weighted(0.6, prop_oneof![3 => near, 1 => any, 2 => block])
    };
    let bounds = (BITS.map(side), prop::bool::weighted(0.7)).prop_map(|(sides, settles)| {
        let mut all = [None; MOST_AXES];
        all[..BITS.len()].copy_from_slice(&sides);
        Bounds { sides: all, settles }
    });
    prop::collection::vec(bounds, 0..most)
}

fn holds(bounds: &Bounds, point: &[Option<u32>; 4]) -> bool {
    point.iter().zip(&bounds.sides).all(|(value, side)| {
        side.is_none_or(|(low, high)| value.is_some_and(|value| low <= value && value <= high))
    })
}

/// A corner of a box, or a neighbour of it.
fn corner(boxes: &[Bounds], number: u32, near: [bool; 4], base: u32) -> [u32; 4] {
    let corner = boxes.get(number as usize % boxes.len().max(1));
    std::array::from_fn(|axis| {
        let value = match corner.and_then(|bounds| bounds.sides[axis]) {
            Some((low, _)) if near[axis] => low.wrapping_sub(base % 2),
            Some((_, high)) => high.wrapping_add(base % 2),
            None => base.wrapping_mul(number | 1),
        };
        value & ((1u64 << BITS[axis]) - 1) as u32
    })
}

/// One tree and several, cheap and dear, compared with vectors and without.
fn forests(boxes: &[Bounds]) -> Vec<Forest> {
    let labels: Vec<u32> = (0..boxes.len() as u32).collect();
    let groups = by_width(&BITS, boxes, &labels);
    let (one, groups) = (vec![&labels[..]], groups.iter().map(|group| &group[..]).collect::<Vec<_>>());
    let mut forests: Vec<Forest> = PRICES
        .iter()
        .flat_map(|&price| [(&one, price), (&groups, price)])
        .filter_map(|(groups, price)| Forest::of_groups(&BITS, boxes, &labels, groups, price))
        .collect();
    forests.extend(Forest::build(&BITS, boxes, &labels));
    let ways: Vec<Compares> = Compares::all_here().collect();
    for (forest, &compares) in forests.iter_mut().zip(ways.iter().cycle()) {
        forest.compares = compares;
    }
    forests
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]
    #[test]
    fn finds_in_order_all_that_hold_a_point_up_to_the_first_that_settles(
        boxes in boxes(150),
        points in prop::collection::vec((any::<u32>(), any::<[bool; 4]>(), 0..340u32, any::<[bool; 4]>()), 40),
    ) {
        let forests = forests(&boxes);
        for (number, near, base, missing) in points {
            let whole = corner(&boxes, number, near, base);
            let point: [Option<u32>; 4] =
                std::array::from_fn(|axis| (!(missing[axis] && number % 3 == 0)).then_some(whole[axis]));
            let mut expected = Vec::new();
            for (number, bounds) in (0..).zip(&boxes) {
                if holds(bounds, &point) {
                    expected.push(number);
                    if bounds.settles {
                        break;
                    }
                }
            }
            for forest in &forests {
                let mut asked = Point::default();
                for (axis, value) in point.into_iter().enumerate() {
                    if number >> axis & 1 == 0 { asked.set(axis, value) } else { asked.put_off(axis) }
                }
                let found: Vec<u32> = forest.candidates(asked, |axis| point[axis]).collect();
                prop_assert!(found.starts_with(&expected), "{:?} {:?} {:?}", point, found, expected);
                prop_assert!(found.iter().all(|&number| holds(&boxes[number as usize], &point)));
                prop_assert!(found.is_sorted_by(|one, other| one < other));
            }
        }
    }

    #[test]
    fn finds_the_first_box_of_each_of_a_burst(
        boxes in boxes(200),
        points in prop::collection::vec((any::<u32>(), any::<[bool; 4]>(), 0..340u32), 0..=BURST),
    ) {
        let corners: Vec<[u32; 4]> =
            points.into_iter().map(|(number, near, base)| corner(&boxes, number, near, base)).collect();
        let mut points = Points::new();
        for (number, corner) in corners.iter().enumerate() {
            for (axis, &lane) in corner.iter().enumerate() {
                points.set(number, axis, lane);
            }
        }
        for forest in &forests(&boxes) {
            let mut found = [0; BURST];
            forest.first(&points, &mut found);
            for (corner, found) in corners.iter().zip(found) {
                let expected = (0..).zip(&boxes).find(|(_, bounds)| holds(bounds, &corner.map(Some)));
                prop_assert_eq!(found, expected.map_or(NONE, |(number, _)| number), "{:?}", corner);
            }
        }
    }

    #[test]
    fn vectors_and_their_twins_find_alike(
        boxes in boxes(60),
        shape: [Wide; MOST_AXES],
        points in prop::collection::vec((any::<u32>(), any::<[bool; 4]>(), 0..340u32), 0..=BURST),
    ) {
        let labels: Vec<u32> = (0..boxes.len() as u32).collect();
        // each dimension twice, left out or said to be wider than it is, so that all numbers of lines are met
        let bits: Vec<u32> = shape
            .iter()
            .enumerate()
            .map(|(axis, wide)| match wide {
                Wide::AsItIs => BITS[axis % BITS.len()],
                Wide::LeftOut => 0,
                Wide::All => 32,
            })
            .collect();
        let side = |bounds: &Bounds, axis: usize| bounds.sides[axis % BITS.len()].filter(|_| bits[axis] > 0);
        let kept: Vec<Bounds> = boxes
            .iter()
            .map(|bounds| Bounds { sides: std::array::from_fn(|axis| side(bounds, axis)), ..*bounds })
            .collect();
        let mut burst = Points::new();
        for (number, &(of, near, base)) in points.iter().enumerate() {
            let corner = corner(&boxes, of, near, base);
            for axis in 0..MOST_AXES {
                burst.set(number, axis, corner[axis % BITS.len()]);
            }
        }
        for price in PRICES {
            let Some(mut forest) = Forest::of_groups(&bits, &kept, &labels, &[&labels], price) else { continue };
            let [_, lines] = forest.layout.lines();
            let mut twin = [NONE; BURST];
            forest.first_portably(&burst, &mut twin);
            for compares in Compares::all_here() {
                forest.compares = compares;
                let mut found = [NONE; BURST];
                forest.first(&burst, &mut found);
                prop_assert_eq!(&found[..points.len()], &twin[..points.len()], "{:?}", compares);
                for number in 0..points.len().min(4) {
                    let lanes = std::array::from_fn(|axis| burst.lanes[axis][number]);
                    let patterns = forest.layout.patterns(&lanes);
                    for (at, blocks) in (0..).step_by(lines).zip(forest.leaves.windows(2 * lines).step_by(lines)) {
                        let [first, second] = [0, lines].map(|from| {
                            forest.layout.holding(&blocks[from..from + lines], |line| patterns[line])
                        });
                        prop_assert_eq!(forest.holding(at, 1, &patterns), first, "{:?}", compares);
                        let both = first | second << BLOCK;
                        prop_assert_eq!(forest.holding(at, 2, &patterns), both, "{:?}", compares);
                    }
                }
            }
        }
    }
}

/// What a dimension is made of.
#[derive(Debug, Clone, Copy)]
enum Wide {
    AsItIs,
    LeftOut,
    All,
}

impl Arbitrary for Wide {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> BoxedStrategy<Self> {
        prop_oneof![Just(Self::AsItIs), Just(Self::LeftOut), Just(Self::All)].boxed()
    }
}

#[test]
fn boxes_that_overlap_wildly_take_bounded_memory_or_have_no_tree() {
    let mut seed = 1u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32
    };
    let boxes: Vec<Bounds> = (0..3000)
        .map(|_| {
            let mut sides = [None; MOST_AXES];
            for side in &mut sides[..2] {
                let (a, b) = (random(), random());
                *side = Some((a.min(b), a.max(b)));
            }
            Bounds { sides, settles: false }
        })
        .collect();
    let labels: Vec<u32> = (0..boxes.len() as u32).collect();
    if let Some(forest) = Forest::build(&[32, 32], &boxes, &labels) {
        assert!(forest.memory() < 1 << 20, "{}", forest.memory());
    }
}
