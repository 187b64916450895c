//! A protocol for tests.

rt::protocol! {
    /// Anything.
    pub Any;
    /// Requests.
    pub enum AnyRequest {
        /// Answered at once.
        Now = 1,
        /// Answered when told, if ever.
        Later = 2,
    }
    /// Statuses.
    pub enum AnyStatus {
        /// Done.
        Ok = 0,
    }
}
