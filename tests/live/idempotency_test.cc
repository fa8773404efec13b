#include "server/live/rooms/idempotency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/common/errors.h"
#include "server/common/steady_time.h"

namespace atrium::testing {
namespace {

using Method = Idempotency::Method;

class IdempotencyTest : public ::testing::Test {
 protected:
  // Returns "new" if the request is to be done, "waits" if it is being done, else its answer or what is refused.
  std::string Ask(const Idempotency::Name& name, const std::string& fingerprint = "f") {
    std::string answered = "waits";
    Idempotency::Done done = [&answered](const absl::StatusOr<Idempotency::Answer>& answer) {
      answered = answer.ok() ? answer->response : ErrorField(answer.status());
    };
    // One that waits would be answered when `answered` is gone, so no test finishes a request that another waits for.
    return answers_.Claim(name, fingerprint, now_.steady, done) ? "new" : answered;
  }
  std::optional<StoredAnswer> Finish(const Idempotency::Name& name, const std::string& response) {
    Idempotency::Answer answer;
    answer.response = response;
    return answers_.Finish(Idempotency::StoredKey(name), answer, now_);
  }
  // Takes back what an earlier version stored.
  void Restore(const std::string& key, const std::string& response) {
    StoredAnswer stored;
    stored.set_key(key);
    stored.set_fingerprint("f");
    stored.set_response(response);
    stored.set_time(absl::ToUnixMillis(now_.wall));
    answers_.Restore(std::move(stored), now_);
  }

  Moment now_{absl::FromUnixSeconds(1'790'000'000), SteadyTime::FromNanoseconds(1'000'000'000'000)};
  Idempotency answers_;
};

TEST_F(IdempotencyTest, AKeyIsOfOneMethod) {
  ASSERT_EQ(Ask({"ana", Method::kEmit, "k"}), "new");
  for (const Method other : {Method::kCall, Method::kSendMessage, Method::kSetState}) {
    EXPECT_EQ(Ask({"ana", other, "k"}), "idempotencyKey") << "while the first is being done";
  }
  ASSERT_TRUE(Finish({"ana", Method::kEmit, "k"}, "emitted"));
  for (const Method other : {Method::kCall, Method::kSendMessage, Method::kSetState}) {
    EXPECT_EQ(Ask({"ana", other, "k"}), "idempotencyKey");
  }
  EXPECT_EQ(Ask({"ana", Method::kEmit, "k"}), "emitted");
  EXPECT_EQ(Ask({"ana", Method::kEmit, "k"}, "g"), "idempotencyKey");
  EXPECT_EQ(Ask({"ana", Method::kCall, "l"}), "new");
  EXPECT_EQ(Ask({"bo", Method::kCall, "k"}), "new") << "a key is its caller's";
}

TEST_F(IdempotencyTest, AKeyIsFreeAgainForAnyMethod) {
  ASSERT_EQ(Ask({"ana", Method::kEmit, "k"}), "new");
  answers_.Finish(Idempotency::StoredKey({"ana", Method::kEmit, "k"}), absl::AbortedError("no"), now_);
  ASSERT_EQ(Ask({"ana", Method::kCall, "k"}), "new") << "the first has failed";
  ASSERT_TRUE(Finish({"ana", Method::kCall, "k"}, "called"));
  now_.steady = now_.steady + Idempotency::kAge + absl::Seconds(1);
  EXPECT_EQ(Ask({"ana", Method::kSetState, "k"}), "new") << "its time is over";
}

TEST_F(IdempotencyTest, AnswersOfEarlierVersionsAreKept) {
  // Version 0.1 took a key once for each method.
  Restore("ana\nSendMessage\nk", "sent");
  Restore("ana\nCall\nk", "called");
  EXPECT_EQ(Ask({"ana", Method::kSendMessage, "k"}), "sent");
  EXPECT_EQ(Ask({"ana", Method::kCall, "k"}), "called");
  EXPECT_EQ(Ask({"ana", Method::kEmit, "k"}), "idempotencyKey");
  EXPECT_EQ(Ask({"ana", Method::kSetState, "k"}), "idempotencyKey");
  Restore("ana\nEmit\nl", "emitted");
  Restore("ana\nSetState\nm", "set");
  EXPECT_EQ(Ask({"ana", Method::kEmit, "l"}), "emitted");
  EXPECT_EQ(Ask({"ana", Method::kSetState, "m"}), "set");
}

}  // namespace
}  // namespace atrium::testing
