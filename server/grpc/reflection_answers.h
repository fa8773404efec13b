#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace atrium {

// Answers the requests of grpc.reflection about some services. It knows their files and what those import, and nothing
// else of what is linked in. It does not change once it is made: any thread may ask it, and none waits.
class ReflectionAnswers {
 public:
  using Request = ::grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = ::grpc::reflection::v1alpha::ServerReflectionResponse;
  // The files that a stream has been told.
  using Told = absl::flat_hash_set<const google::protobuf::FileDescriptor*>;

  // `services` are the full names of services that are linked in.
  explicit ReflectionAnswers(std::vector<std::string> services);

  // Returns the answer to `request`. A file comes first and what it imports follows, each once and without what is in
  // `told`, to which all of that is added; the file asked for is never left out. The answer holds an error in place of
  // that: NOT_FOUND, which says what there is not, or UNIMPLEMENTED if nothing known is asked for.
  Response Answer(const Request& request, Told& told) const;

 private:
  // Adds a file of the generated pool, behind what it imports.
  void Add(const google::protobuf::FileDescriptor& file);
  absl::Status Fill(const Request& request, Told& told, Response& response) const;
  // NOT_FOUND if `file` is null; `asked` is then what was asked for.
  absl::Status TellFile(const google::protobuf::FileDescriptor* file, const std::string& asked, Told& told,
                        Response& response) const;
  void TellImports(const google::protobuf::FileDescriptor& file, Told& told, Response& response) const;
  absl::Status TellExtensionNumbers(const std::string& type, Response& response) const;
  const google::protobuf::FileDescriptor* FileOfExtension(const std::string& type, int number) const;

  std::vector<std::string> services_;
  // A pool of its own is what bounds the answers. It has no lock either, unlike the generated one.
  google::protobuf::DescriptorPool pool_;
  absl::flat_hash_map<const google::protobuf::FileDescriptor*, std::string> serialised_;
};

}  // namespace atrium
