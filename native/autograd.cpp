// Backward, gradients, and graph nodes whose backward is written in C#.
#include "bridge.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <type_traits>
#include <vector>

using namespace bam;
namespace autograd = torch::autograd;

namespace {

// Runs a function's backward in C#: fills `input_gradients` with owned handles (null: no gradient). On failure the
// message has been left by bam_set_error and the status is not zero.
using BackwardCallback = int32_t (*)(void* state, const TensorHandle* output_gradients, int32_t output_count,
                                     const TensorHandle* saved, int32_t saved_count, TensorHandle* input_gradients,
                                     const uint8_t* needed, int32_t input_count);
using ReleaseCallback = void (*)(void* state);

BackwardCallback run_backward = nullptr;
ReleaseCallback release_state = nullptr;
std::atomic<int64_t> live_nodes{0};

// The GCHandle of the managed function: freed exactly once, whatever becomes of the node.
struct ManagedState {
    explicit ManagedState(void* state) noexcept : state(state) {}
    ManagedState(ManagedState&& other) noexcept : state(std::exchange(other.state, nullptr)) {}
    ManagedState(const ManagedState&) = delete;
    ManagedState& operator=(const ManagedState&) = delete;
    ManagedState& operator=(ManagedState&&) = delete;
    ~ManagedState() {
        if (state != nullptr)
            release_state(state);
    }
    void* state;
};

// Nodes are held by shared_ptr in 1.13 and by intrusive_ptr in 2.14. Templates, so that each compiles only its own branch.
template <class Node, class... Arguments>
auto make_node(Arguments&&... arguments) {
    if constexpr (std::is_base_of_v<c10::intrusive_ptr_target, Node>)
        return c10::make_intrusive<Node>(std::forward<Arguments>(arguments)...);
    else
        return std::shared_ptr<Node>(new Node(std::forward<Arguments>(arguments)...), [](Node* node) { deleteNode(node); });
}

template <class Node>
auto owner_of(Node* node) {
    if constexpr (std::is_base_of_v<c10::intrusive_ptr_target, Node>)
        return node->getptr();
    else
        return node->shared_from_this();
}

struct ManagedNode : autograd::Node {
    ManagedNode(ManagedState&& state, autograd::edge_list&& edges) : autograd::Node(std::move(edges)), state(std::move(state)) {
        ++live_nodes;
    }
    ManagedNode(const ManagedNode&) = delete;
    ManagedNode(ManagedNode&&) = delete;
    ManagedNode& operator=(const ManagedNode&) = delete;
    ManagedNode& operator=(ManagedNode&&) = delete;
    ~ManagedNode() override { --live_nodes; }

    autograd::variable_list apply(autograd::variable_list&& output_gradients) override {
        // Zeros in, zeros out: a function is asked only when at least one of its outputs has a gradient.
        if (std::none_of(output_gradients.begin(), output_gradients.end(), [](const at::Tensor& gradient) { return gradient.defined(); }))
            return autograd::variable_list(num_outputs());

        std::lock_guard<std::mutex> lock(mutex_);
        std::vector<at::Tensor> unpacked;
        unpacked.reserve(saved.size());
        for (const autograd::SavedVariable& variable : saved)
            unpacked.push_back(variable.unpack(owner_of<autograd::Node>(this)));

        std::vector<TensorHandle> gradient_handles;
        for (at::Tensor& gradient : output_gradients)
            gradient_handles.push_back(release(std::move(gradient)));
        std::vector<TensorHandle> saved_handles;
        for (at::Tensor& tensor : unpacked)
            saved_handles.push_back(release(std::move(tensor)));

        const auto input_count = num_outputs();  // a node's outputs are its gradients for the function's inputs
        std::vector<TensorHandle> input_handles(input_count, nullptr);
        std::vector<uint8_t> needed(input_count);
        for (size_t i = 0; i < input_count; ++i)
            needed[i] = task_should_compute_output(i);

        // C# owns what it is given and frees it in its own scope, whether it succeeds or fails.
        const int32_t status = run_backward(state.state, gradient_handles.data(), static_cast<int32_t>(gradient_handles.size()),
                                            saved_handles.data(), static_cast<int32_t>(saved_handles.size()),
                                            input_handles.data(), needed.data(), static_cast<int32_t>(input_count));
        autograd::variable_list input_gradients;
        for (TensorHandle handle : input_handles)
            input_gradients.push_back(adopt(handle));
        if (status != 0)
            throw std::runtime_error(bam_last_error());
        return input_gradients;
    }

    void release_variables() override {
        std::lock_guard<std::mutex> lock(mutex_);
        for (autograd::SavedVariable& variable : saved)
            variable.reset_data();
    }

    std::string name() const override { return "BamFunction"; }

    ManagedState state;
    std::vector<autograd::SavedVariable> saved;
};

autograd::variable_list tensors_of(const TensorHandle* handles, int32_t count) {
    autograd::variable_list tensors;
    tensors.reserve(count);
    for (int32_t i = 0; i < count; ++i)
        tensors.push_back(borrow(handles[i]));
    return tensors;
}

}  // namespace

// `gradients` may be null (ones, for scalars) or hold nulls.
BAM_EXPORT int32_t bam_backward(const TensorHandle* tensors, const TensorHandle* gradients, int32_t count,
                                int32_t retain_graph) noexcept {
    return guarded([&] {
        autograd::backward(tensors_of(tensors, count),
                           gradients == nullptr ? autograd::variable_list() : tensors_of(gradients, count), retain_graph != 0);
    });
}

// The gradients of the sum of `outputs` in `inputs`; null where none flows.
BAM_EXPORT int32_t bam_gradients(const TensorHandle* outputs, int32_t output_count, const TensorHandle* inputs,
                                 int32_t input_count, TensorHandle* results) noexcept {
    return guarded([&] {
        auto gradients = autograd::grad(tensors_of(outputs, output_count), tensors_of(inputs, input_count), {}, false, false, true);
        for (int32_t i = 0; i < input_count; ++i)
            results[i] = release(std::move(gradients[i]));
    });
}

BAM_EXPORT int32_t bam_grad_enabled() noexcept {
    return c10::GradMode::is_enabled();
}

BAM_EXPORT void bam_set_grad_enabled(int32_t enabled) noexcept {
    c10::GradMode::set_enabled(enabled != 0);
}

BAM_EXPORT int32_t bam_tensor_requires_grad(TensorHandle handle) noexcept {
    bool result = false;
    guarded([&] { result = handle->requires_grad(); });
    return result;
}

BAM_EXPORT int32_t bam_tensor_set_requires_grad(TensorHandle handle, int32_t value) noexcept {
    return guarded([&] { borrow(handle).set_requires_grad(value != 0); });
}

BAM_EXPORT int32_t bam_tensor_is_leaf(TensorHandle handle) noexcept {
    bool result = true;
    guarded([&] { result = borrow(handle).is_leaf(); });
    return result;
}

BAM_EXPORT int32_t bam_tensor_grad(TensorHandle handle, TensorHandle* result) noexcept {
    return guarded([&] { *result = release(handle->mutable_grad()); });
}

BAM_EXPORT int32_t bam_tensor_set_grad(TensorHandle handle, TensorHandle gradient) noexcept {
    return guarded([&] { handle->mutable_grad() = borrow(gradient); });
}

BAM_EXPORT void bam_function_callbacks(BackwardCallback backward, ReleaseCallback release) noexcept {
    run_backward = backward;
    release_state = release;
}

// Puts a node between `inputs` and `outputs`. Owns `state` from the call on: it is released with the node, or at once
// when no input needs a gradient or the call fails.
BAM_EXPORT int32_t bam_function_attach(void* state, const TensorHandle* inputs, int32_t input_count, const TensorHandle* outputs,
                                       int32_t output_count, const TensorHandle* saved, int32_t saved_count) noexcept {
    return guarded([&] {
        ManagedState owned(state);
        const auto input_tensors = tensors_of(inputs, input_count);
        bool needed = false;
        for (const at::Tensor& input : input_tensors)
            needed |= input.defined() && input.requires_grad();
        if (!needed || !c10::GradMode::is_enabled())
            return;

        auto output_tensors = tensors_of(outputs, output_count);
        for (const at::Tensor& output : output_tensors) {
            TORCH_CHECK(!output.requires_grad(), "an output already has a history: compute it under NoGrad");
            for (int32_t i = 0; i < input_count; ++i)
                TORCH_CHECK(output.unsafeGetTensorImpl() != inputs[i], "an output is one of the inputs: return a copy or a view");
        }

        auto node = make_node<ManagedNode>(std::move(owned), autograd::collect_next_edges(input_tensors));
        autograd::set_history(output_tensors, node);
        for (int32_t i = 0; i < saved_count; ++i) {
            bool is_output = false;
            for (int32_t j = 0; j < output_count; ++j)
                is_output |= saved[i] == outputs[j];
            node->saved.emplace_back(borrow(saved[i]), is_output);
        }
    });
}

BAM_EXPORT int64_t bam_function_live_nodes() noexcept {
    return live_nodes.load();
}
