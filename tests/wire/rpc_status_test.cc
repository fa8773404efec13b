#include "server/wire/rpc_status.h"

#include <google/rpc/code.pb.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/error_info.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "server/common/errors.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

TEST(RpcStatusTest, CarriesCodeMessageAndReason) {
  const google::rpc::Status status =
      ToRpcStatus(MakeError(absl::StatusCode::kNotFound, "ROOM_NOT_FOUND", "No such room"));
  EXPECT_EQ(status.code(), google::rpc::NOT_FOUND);
  EXPECT_EQ(status.message(), "No such room");
  ASSERT_EQ(status.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(status.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "ROOM_NOT_FOUND");
  EXPECT_EQ(info.domain(), "atrium");
}

TEST(RpcStatusTest, NamesTheFieldAtFault) {
  const google::rpc::Status status = ToRpcStatus(InvalidField("emit.roomId", "must not be empty"));
  ASSERT_EQ(status.details_size(), 2);
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(status.details(1).UnpackTo(&bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "emit.roomId");
  EXPECT_EQ(bad_request.field_violations(0).description(), "must not be empty");
}

TEST(RpcStatusTest, NamesTheCodeWhereNoReasonWasGiven) {
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ToRpcStatus(absl::UnavailableError("draining")).details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "UNAVAILABLE");
}

// gRPC clients take 8 KiB of trailers, in which the message stands percent-encoded, and all of it once more in base64.
TEST(RpcStatusTest, FitsIntoTrailersWhoeverMadeTheError) {
  const std::string long_text(20'000, '\n');
  for (const absl::Status& error :
       {absl::InternalError(long_text), MakeError(absl::StatusCode::kNotFound, long_text, long_text),
        InvalidField(long_text, long_text), PrefixField(std::string(1000, 'x'), InvalidField(long_text, "bad"))}) {
    const google::rpc::Status status = ToRpcStatus(error);
    EXPECT_LE(status.message().size() * 3 + status.SerializeAsString().size() * 4 / 3, 4096u);
  }
}

TEST(RpcStatusTest, HasNoDetailsWhenOk) { EXPECT_EQ(ToRpcStatus(absl::OkStatus()).SerializeAsString(), ""); }

TEST(RpcStatusTest, IsPrintedWithItsDetails) {
  EXPECT_EQ(MessageToJson(ToRpcStatus(InvalidField("event", "must be a string")), JsonZeros::kOmit),
            R"({"code":3,"message":"event: must be a string","details":[)"
            R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_FIELD","domain":"atrium"},)"
            R"({"@type":"type.googleapis.com/google.rpc.BadRequest",)"
            R"("fieldViolations":[{"field":"event","description":"must be a string"}]}]})");
}

TEST(RpcStatusTest, MapsEveryCodeToItsHttpStatus) {
  const int expected[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
  for (int code = 0; code <= 16; ++code) {
    EXPECT_EQ(ToHttpStatus(static_cast<absl::StatusCode>(code)), expected[code]) << code;
  }
}

}  // namespace
}  // namespace atrium
