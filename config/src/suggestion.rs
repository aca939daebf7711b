//! Which word was probably meant?

/// The one of `known` nearest to `word`, if it is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let allowed = if word.chars().count() <= 3 { 1 } else { 2 };
    known
        .into_iter()
        .take(MOST_KNOWN)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(away, candidate)| away <= allowed && away < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// "did you mean `nearest`?"
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|found| format!("did you mean `{found}`?"))
}

/// Levenshtein's, with two neighbours swapped counting once.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let differs = usize::from(a[i - 1] != b[j - 1]);
                    let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    least = least.min(rows[i - 1][j - 1] + differs);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        least = least.min(rows[i - 2][j - 2] + 1);
                    }
                    least
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

const LONGEST: usize = 40;
/// How many names are looked at: there may be as many as there are mistakes.
const MOST_KNOWN: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(nearest("dprot", ["sport", "dport", "flags"]), Some("dport"));
        assert_eq!(nearest("whatever", ["sport", "dport"]), None);
    }
}
