// What a test can make a MemoryLog do, beyond the contract.
#include "tests/support/memory_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/support/matchers.h"

namespace atrium::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

class MemoryLogTest : public ::testing::Test {
 protected:
  void Open(const std::string& id) {
    log_.Open(id, [this](absl::StatusOr<std::optional<StoredRoom>> room) { opened_ = std::move(room); });
  }
  void Append(const std::string& id, uint64_t sequence) {
    log_.Append({id, sequence, absl::StrCat(id, sequence), ""},
                [this](const absl::Status& status) { ended_.push_back(status.code()); });
  }

  absl::StatusOr<std::optional<StoredRoom>> opened_ = absl::UnknownError("");
  std::vector<StatusCode> ended_;
  MemoryLog log_;
};

TEST_F(MemoryLogTest, DoesNothingUntilItIsTold) {
  Open("a");
  Append("a", 1);
  EXPECT_EQ(log_.waiting(), 2);
  EXPECT_FALSE(log_.stored("a"));
  EXPECT_TRUE(log_.Complete());
  EXPECT_THAT(opened_, IsOk());
  EXPECT_THAT(ended_, ElementsAre());
  log_.CompleteAll();
  EXPECT_THAT(ended_, ElementsAre(StatusCode::kOk));
  EXPECT_THAT(log_.stored("a")->records, ElementsAre("a1"));
  EXPECT_FALSE(log_.Complete());
}

TEST_F(MemoryLogTest, FailsAsTold) {
  log_.auto_complete = true;
  Open("a");
  Open("b");
  log_.FailNext(absl::UnavailableError("x"));
  Append("a", 1);
  Append("a", 2);
  Append("b", 1);
  log_.FailAll(absl::ResourceExhaustedError("full"));
  Append("b", 2);
  log_.FailAll(absl::OkStatus());
  Append("b", 3);
  EXPECT_THAT(ended_, ElementsAre(StatusCode::kUnavailable, StatusCode::kFailedPrecondition, StatusCode::kOk,
                                  StatusCode::kResourceExhausted, StatusCode::kFailedPrecondition));
  log_.Close("b");
  log_.FailOpen("b", absl::DataLossError("damaged"));
  Open("b");
  EXPECT_THAT(opened_, StatusIs(StatusCode::kDataLoss));
  log_.FailOpen("b", absl::OkStatus());
  Open("b");
  ASSERT_THAT(opened_, IsOk());
  EXPECT_THAT((*opened_)->records, ElementsAre("b1"));
}

TEST_F(MemoryLogTest, ACrashForgetsWhatWaits) {
  Open("a");
  Append("a", 1);
  log_.CompleteAll();
  Append("a", 2);
  log_.Crash();
  log_.CompleteAll();
  EXPECT_THAT(ended_, ElementsAre(StatusCode::kOk));
  Open("a");
  log_.CompleteAll();
  ASSERT_THAT(opened_, IsOk());
  EXPECT_THAT((*opened_)->records, ElementsAre("a1"));
}

TEST_F(MemoryLogTest, StartsWithWhatAServerBeforeHasLeft) {
  StoredRoom left;
  left.snapshot = "state";
  left.snapshot_sequence = 7;
  left.first_sequence = 7;
  left.records = {"a7"};
  log_.Store("a", left, "head");
  log_.auto_complete = true;
  Open("a");
  EXPECT_EQ((*opened_)->snapshot, "state");
  EXPECT_EQ(log_.head("a"), "head");
  Append("a", 8);
  EXPECT_THAT(ended_, ElementsAre(StatusCode::kOk));
}

}  // namespace
}  // namespace atrium::testing
