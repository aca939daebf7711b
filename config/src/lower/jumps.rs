//! Do the jumps between chains come to an end?

use std::collections::HashMap;

use super::Lowering;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::ChainId;

/// A jump or goto.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jump {
    pub(super) from: ChainId,
    pub(super) to: ChainId,
    pub(super) span: Span,
}

impl Lowering<'_> {
    /// Complains about jumps in a circle and about jumps that go deeper than the kernel does.
    pub(super) fn check_jumps(&mut self) {
        let mut from: Vec<HashMap<ChainId, Span>> = vec![HashMap::new(); self.policy.chains.len()];
        for jump in &self.jumps {
            from[jump.from.index()].entry(jump.to).or_insert(jump.span);
        }
        let targets = |map: &HashMap<ChainId, Span>| {
            let mut list: Vec<(ChainId, Span)> = map.iter().map(|(to, span)| (*to, *span)).collect();
            list.sort_by_key(|(_, span)| *span);
            list
        };
        let graph: Vec<Vec<(ChainId, Span)>> = from.iter().map(targets).collect();
        let Some(order) = self.callees_first(&graph) else {
            return;
        };
        self.check_hooks(&graph, &order);
        let mut depth = vec![0_usize; graph.len()];
        for chain in order {
            let mut deepest: Option<Span> = None;
            for &(to, span) in &graph[chain] {
                if depth[to.index()] + 1 > depth[chain] {
                    depth[chain] = depth[to.index()] + 1;
                    deepest = Some(span);
                }
            }
            let is_base = self.policy.chains[chain].base.is_some();
            if let Some(span) = deepest.filter(|_| is_base && depth[chain] > DEEPEST_JUMP) {
                let text = format!("jumps from here go {} chains deep", depth[chain]);
                let help = format!("the kernel goes {DEEPEST_JUMP} deep");
                self.errors.push(Diagnostic::new(span, text).help(help));
            }
        }
    }

    /// The chains, each behind those it jumps to; none, and a complaint, if there is a circle.
    fn callees_first(&mut self, graph: &[Vec<(ChainId, Span)>]) -> Option<Vec<usize>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Never,
            Open,
            Done,
        }
        let mut seen = vec![Seen::Never; graph.len()];
        let mut order = Vec::with_capacity(graph.len());
        let mut circular = false;
        for root in 0..graph.len() {
            let mut path = vec![(root, 0)];
            while let Some((chain, next)) = path.pop() {
                if next == 0 && seen[chain] == Seen::Done {
                    continue;
                }
                seen[chain] = Seen::Open;
                let Some(&(to, span)) = graph[chain].get(next) else {
                    seen[chain] = Seen::Done;
                    order.push(chain);
                    continue;
                };
                path.push((chain, next + 1));
                match seen[to.index()] {
                    Seen::Never => path.push((to.index(), 0)),
                    Seen::Open => {
                        circular = true;
                        self.errors.push(Diagnostic::new(span, "this jump closes a circle"));
                    }
                    Seen::Done => {}
                }
            }
        }
        (!circular).then_some(order)
    }
}

/// Chains below a base chain, as the kernel has it.
const DEEPEST_JUMP: usize = 15;
