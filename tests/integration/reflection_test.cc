// grpc.reflection, both versions: what it tells, what it keeps to itself, and that its streams are bounded.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/substitute.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

struct V1 {
  using Service = grpc::reflection::v1::ServerReflection;
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Service = grpc::reflection::v1alpha::ServerReflection;
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

// One stream of a client.
template <typename Version>
class Stream {
 public:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  explicit Stream(typename Version::Service::Stub& stub) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    calls_ = stub.ServerReflectionInfo(&context_);
  }
  ~Stream() {
    if (finished_) return;
    context_.TryCancel();
    calls_->Finish();
  }

  bool Write(const Request& request) { return calls_->Write(request); }
  // False at the end of the stream.
  bool Read(Response& response) { return calls_->Read(&response); }
  Response Ask(const Request& request) {
    Response response;
    EXPECT_TRUE(Write(request));
    EXPECT_TRUE(Read(response));
    EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
    EXPECT_EQ(response.valid_host(), request.host());
    return response;
  }
  // The names of the files in the answer.
  std::vector<std::string> AskForFiles(const Request& request) {
    std::vector<std::string> names;
    const Response response = Ask(request);
    EXPECT_TRUE(response.has_file_descriptor_response()) << response.ShortDebugString();
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }
  void SayThatAllIsWritten() { calls_->WritesDone(); }
  grpc::Status Finish() {
    finished_ = true;
    return calls_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> calls_;
  bool finished_ = false;
};

template <typename Version>
class ReflectionTest : public testing::Test {
 protected:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  static Request ListServices() {
    Request request;
    request.set_list_services("*");
    return request;
  }
  static Request Symbol(const std::string& name) {
    Request request;
    request.set_file_containing_symbol(name);
    return request;
  }
  static Request File(const std::string& name) {
    Request request;
    request.set_file_by_filename(name);
    return request;
  }
  static Request Extension(const std::string& type, int number) {
    Request request;
    request.mutable_file_containing_extension()->set_containing_type(type);
    request.mutable_file_containing_extension()->set_extension_number(number);
    return request;
  }
  static Request Extensions(const std::string& type) {
    Request request;
    request.set_all_extension_numbers_of_type(type);
    return request;
  }

  std::unique_ptr<Stream<Version>> Open() { return std::make_unique<Stream<Version>>(*stub_); }
  // The streams that have ended with a code.
  double Handled(const std::string& code) const {
    constexpr char kLine[] =
        "grpc_server_handled_total"
        "{grpc_code=\"$0\",grpc_method=\"ServerReflectionInfo\",grpc_service=\"$1\",grpc_type=\"bidi_stream\"}";
    return server_.Metric(absl::Substitute(kLine, code, Version::Service::service_full_name()));
  }

  TestServer server_;
  const std::unique_ptr<typename Version::Service::Stub> stub_ =
      Version::Service::NewStub(GrpcChannel(server_.grpc_port()));
};

struct NamesOfVersions {
  template <typename Version>
  static std::string GetName(int /*index*/) {
    return std::is_same_v<Version, V1> ? "V1" : "V1Alpha";
  }
};
using Versions = testing::Types<V1, V1Alpha>;
TYPED_TEST_SUITE(ReflectionTest, Versions, NamesOfVersions);

// What rooms.proto imports, and what that imports.
constexpr const char* kImportsOfRooms[] = {
    "atrium/v1/connection.proto",       "atrium/v1/frames.proto",         "atrium/v1/resources.proto",
    "google/api/annotations.proto",     "google/api/http.proto",          "google/protobuf/any.proto",
    "google/protobuf/descriptor.proto", "google/protobuf/duration.proto", "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",  "google/rpc/status.proto"};

TYPED_TEST(ReflectionTest, ListsItsServices) {
  auto request = this->ListServices();
  request.set_host("example.org");
  const auto response = this->Open()->Ask(request);
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  EXPECT_THAT(names, ElementsAre("atrium.v1.RoomService", "atrium.v1.SessionService", "grpc.health.v1.Health",
                                 "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"));
}

TYPED_TEST(ReflectionTest, TellsTheFileOfASymbolAndWhatItImports) {
  for (const char* const symbol : {"atrium.v1.RoomService", "atrium.v1.RoomService.Emit"}) {
    std::vector<std::string> files = this->Open()->AskForFiles(this->Symbol(symbol));
    ASSERT_FALSE(files.empty()) << symbol;
    EXPECT_EQ(files.front(), "atrium/v1/rooms.proto") << symbol;
    files.erase(files.begin());
    EXPECT_THAT(files, UnorderedElementsAreArray(kImportsOfRooms)) << symbol;
  }
  const std::pair<const char*, const char*> others[] = {
      {"atrium.v1.GetRoomRequest", "atrium/v1/frames.proto"},
      {"atrium.v1.GetRoomRequest.room_id", "atrium/v1/frames.proto"},
      {"atrium.v1.SlowPolicy", "atrium/v1/resources.proto"},
      {"google.api.http", "google/api/annotations.proto"},
      {"grpc.health.v1.Health.Check", "grpc/health/v1/health.proto"},
      {"grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"},
      {"grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"}};
  for (const auto& [symbol, file] : others) {
    const std::vector<std::string> files = this->Open()->AskForFiles(this->Symbol(symbol));
    EXPECT_EQ(files.empty() ? "" : files.front(), file) << symbol;
  }
}

TYPED_TEST(ReflectionTest, TellsAFileByItsName) {
  EXPECT_THAT(this->Open()->AskForFiles(this->File("google/api/annotations.proto")),
              ElementsAre("google/api/annotations.proto", "google/api/http.proto", "google/protobuf/descriptor.proto"));
}

// All that a client needs is in the answers: its own pool takes them.
TYPED_TEST(ReflectionTest, TellsFilesThatMakeAPool) {
  const auto response = this->Open()->Ask(this->Symbol("atrium.v1.SessionService"));
  google::protobuf::SimpleDescriptorDatabase files;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    files.Add(file);
  }
  google::protobuf::DescriptorPool pool(&files);
  const google::protobuf::ServiceDescriptor* const service = pool.FindServiceByName("atrium.v1.SessionService");
  ASSERT_NE(service, nullptr);
  EXPECT_NE(service->FindMethodByName("Connect"), nullptr);
}

TYPED_TEST(ReflectionTest, TellsAnImportOnceOnAStream) {
  const auto stream = this->Open();
  EXPECT_THAT(stream->AskForFiles(this->Symbol("atrium.v1.RoomService")), Contains("atrium/v1/frames.proto"));
  EXPECT_THAT(stream->AskForFiles(this->Symbol("atrium.v1.SessionService")), ElementsAre("atrium/v1/sessions.proto"));
  // What is asked for itself is told again.
  EXPECT_THAT(stream->AskForFiles(this->File("atrium/v1/rooms.proto")), ElementsAre("atrium/v1/rooms.proto"));
  // Another stream knows nothing of it.
  EXPECT_THAT(this->Open()->AskForFiles(this->Symbol("atrium.v1.SessionService")), Contains("atrium/v1/frames.proto"));
}

TYPED_TEST(ReflectionTest, TellsExtensions) {
  constexpr char kOptions[] = "google.protobuf.MethodOptions";
  constexpr int kHttp = 72295728;  // google.api.http
  const auto stream = this->Open();
  const auto numbers = stream->Ask(this->Extensions(kOptions)).all_extension_numbers_response();
  EXPECT_EQ(numbers.base_type_name(), kOptions);
  EXPECT_THAT(numbers.extension_number(), ElementsAre(kHttp));
  const std::vector<std::string> files = stream->AskForFiles(this->Extension(kOptions, kHttp));
  ASSERT_FALSE(files.empty());
  EXPECT_EQ(files.front(), "google/api/annotations.proto");
  EXPECT_THAT(stream->Ask(this->Extensions("atrium.v1.Room")).all_extension_numbers_response().extension_number(),
              IsEmpty());
}

TYPED_TEST(ReflectionTest, SaysWhatThereIsNotAndGoesOn) {
  const auto stream = this->Open();
  const auto error_of = [&](const typename TypeParam::Request& request) {
    const auto response = stream->Ask(request);
    EXPECT_TRUE(response.has_error_response()) << response.ShortDebugString();
    return absl::Status(static_cast<absl::StatusCode>(response.error_response().error_code()),
                        response.error_response().error_message());
  };
  constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;
  EXPECT_THAT(error_of(this->Symbol("atrium.v1.Nobody")), StatusIs(kNotFound, "no symbol atrium.v1.Nobody"));
  EXPECT_THAT(error_of(this->Symbol("")), StatusIs(kNotFound));
  EXPECT_THAT(error_of(this->Symbol(std::string(2000, 's'))), StatusIs(kNotFound, HasSubstr("\xe2\x80\xa6")));
  EXPECT_THAT(error_of(this->File("a.proto")), StatusIs(kNotFound, "no file a.proto"));
  EXPECT_THAT(error_of(this->Extensions("atrium.v1.Nobody")), StatusIs(kNotFound, "no type atrium.v1.Nobody"));
  EXPECT_THAT(error_of(this->Extension("atrium.v1.Nobody", 1)),
              StatusIs(kNotFound, "no extension 1 of atrium.v1.Nobody"));
  EXPECT_THAT(error_of(this->Extension("google.protobuf.MethodOptions", 1)), StatusIs(kNotFound));
  EXPECT_THAT(error_of({}), StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_TRUE(stream->Ask(this->ListServices()).has_list_services_response());
}

// The process has more messages than a client may see: those of rooms, of the storage, and of what is linked in.
TYPED_TEST(ReflectionTest, TellsNothingThatItsServicesDoNotReach) {
  const auto stream = this->Open();
  for (const char* const file :
       {"google/rpc/error_details.proto", "google/protobuf/wrappers.proto", "google/rpc/error_info.proto"}) {
    ASSERT_NE(google::protobuf::DescriptorPool::generated_pool()->FindFileByName(file), nullptr) << file;
    EXPECT_TRUE(stream->Ask(this->File(file)).has_error_response()) << file;
  }
  EXPECT_TRUE(stream->Ask(this->Symbol("google.rpc.ErrorInfo")).has_error_response());
}

TYPED_TEST(ReflectionTest, EndsWithItsClient) {
  const auto stream = this->Open();
  stream->Ask(this->ListServices());
  stream->SayThatAllIsWritten();
  typename TypeParam::Response response;
  EXPECT_FALSE(stream->Read(response));
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_TRUE(Eventually([&] { return this->Handled("OK") == 1; }));
}

TYPED_TEST(ReflectionTest, ARequestThatDoesNotParseIsTheCallersFault) {
  const auto stream = this->Open();
  stream->Ask(this->ListServices());
  // A message has no broken fields, but its unknown ones go out as they are.
  typename TypeParam::Request garbage;
  garbage.GetReflection()->MutableUnknownFields(&garbage)->AddLengthDelimited(5, "\xff\xff\xff");
  EXPECT_TRUE(stream->Write(garbage));
  typename TypeParam::Response response;
  EXPECT_FALSE(stream->Read(response));
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a serialised ")));
}

TYPED_TEST(ReflectionTest, TakesNoLargeRequest) {
  const auto stream = this->Open();
  EXPECT_TRUE(stream->Write(this->Symbol(std::string(5000, 's'))));
  typename TypeParam::Response response;
  EXPECT_FALSE(stream->Read(response));
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4096 bytes")));
}

int ThreadsOfThisProcess() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int threads = 0;
    if (word == "Threads:" && status >> threads) return threads;
  }
  return 0;
}

TYPED_TEST(ReflectionTest, ServesSoManyStreamsAndNoMore) {
  // The client's own threads start with its first call.
  this->Open()->Ask(this->ListServices());
  EXPECT_TRUE(Eventually([&] { return this->Handled("Canceled") + this->Handled("OK") == 1; }));
  const int threads = ThreadsOfThisProcess();
  ASSERT_GT(threads, 0);

  std::vector<std::unique_ptr<Stream<TypeParam>>> streams;
  for (int i = 0; i < 200; ++i) {
    streams.push_back(this->Open());
    streams.back()->Write(this->ListServices());
  }
  int served = 0;
  for (auto& stream : streams) {
    typename TypeParam::Response response;
    if (stream->Read(response)) {
      ++served;
      continue;
    }
    EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("64 reflection streams")));
  }
  EXPECT_EQ(served, 64);
  EXPECT_LE(ThreadsOfThisProcess(), threads + 5);
  EXPECT_TRUE(Eventually([&] { return this->Handled("ResourceExhausted") == 136; }));

  // Those that end, by cancellation too, make room for others.
  streams.clear();
  EXPECT_TRUE(Eventually([&] {
    const auto stream = this->Open();
    typename TypeParam::Response response;
    return stream->Write(this->ListServices()) && stream->Read(response);
  }));
}

// A stream that is open, or has an answer under way that is not read, does not keep the server from ending.
TYPED_TEST(ReflectionTest, EndsWithTheServer) {
  auto server = std::make_unique<TestServer>();
  const auto stub = TypeParam::Service::NewStub(GrpcChannel(server->grpc_port()));
  Stream<TypeParam> idle(*stub);
  idle.Ask(this->ListServices());
  Stream<TypeParam> unread(*stub);
  for (int i = 0; i < 1000; ++i) unread.Write(this->File("atrium/v1/rooms.proto"));
  server = nullptr;
  typename TypeParam::Response response;
  EXPECT_FALSE(idle.Read(response));
  EXPECT_FALSE(idle.Finish().ok());
}

}  // namespace
}  // namespace atrium
