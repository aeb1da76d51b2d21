//! The README shows what the program prints.

use rdpwhy_tests::evidence;

use crate::program;

/// Between these lines of README.md stands the output, behind the command that made it.
const FENCE: &str = "```text\n$ rdpwhy diagnose fixtures/showcase\n";

#[test]
fn its_first_block_is_the_output_of_its_first_command() {
    let root = evidence::repository();
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md is there");
    let (_, behind) = readme
        .split_once(FENCE)
        .expect("the block begins with its command");
    let (shown, _) = behind.split_once("```").expect("the block ends");
    let run = program::diagnose(&[root.join("fixtures/showcase")], &[]);
    assert_eq!(run.status, 1, "{}", run.err);
    assert_eq!(
        run.out.trim_end(),
        shown.trim_end(),
        "README.md is behind the program: paste the new output between the fences"
    );
}
