//! Exchange Online in a box: throw-away authorities and recording upstreams.
