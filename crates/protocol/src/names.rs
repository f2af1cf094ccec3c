//! Words that the names of new repls are made of, such as `quiet-otter`: by the page, which shows a name
//! before it is taken, and by the server for those who give none.

pub const FIRST_WORDS: &[&str] = &[
    "amber", "brisk", "calm", "clear", "clever", "coral", "crisp", "dapper", "eager", "early",
    "gentle", "golden", "keen", "light", "lively", "lucky", "mellow", "merry", "misty", "nimble",
    "olive", "proud", "quiet", "rapid", "sandy", "silver", "snowy", "sunny", "swift", "tidy",
    "velvet", "vivid", "warm", "wild", "young",
];
pub const SECOND_WORDS: &[&str] = &[
    "acorn", "badger", "beacon", "birch", "brook", "canyon", "cedar", "comet", "cove", "delta",
    "ember", "falcon", "fern", "finch", "garden", "glade", "harbor", "heron", "island", "lagoon",
    "lantern", "maple", "meadow", "otter", "pebble", "pine", "planet", "prairie", "reef", "river",
    "sparrow", "summit", "thicket", "valley", "willow",
];
