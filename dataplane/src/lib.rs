//! Frames in, verdicts out: parser, flow table, connection tracker, classifier.
