using System.Runtime.InteropServices;
using System.Text;

namespace Bam.Torch;

/// <summary>
/// An operation whose backward is written in C#. The caller computes the outputs under <see cref="NoGrad"/>, then
/// <see cref="Attach"/> puts this object into the graph; it lives until the graph is freed. It must not hold tensors in
/// fields: what backward needs is passed as saved tensors.
/// </summary>
internal abstract unsafe class AutogradFunction
{
    private static Exception? s_failure;
    private bool attached;
    private bool[] needsInputGrad = [];

    /// <summary>How many functions stand in graphs that are alive.</summary>
    public static long LiveCount => Native.bam_function_live_nodes();

    /// <summary>Which inputs need a gradient; the others' are not used. Valid inside <see cref="Backward"/>.</summary>
    protected ReadOnlySpan<bool> NeedsInputGrad => needsInputGrad;

    internal static void RegisterCallbacks() => Native.bam_function_callbacks(&OnBackward, &OnRelease);

    /// <summary>The exception of the last backward that failed, once.</summary>
    internal static Exception? TakeFailure() => Interlocked.Exchange(ref s_failure, null);

    /// <summary>Connects outputs, computed under <see cref="NoGrad"/>, to inputs; no-op when no input needs a gradient.</summary>
    /// <param name="inputs">What the outputs depend on.</param>
    /// <param name="outputs">Tensors without a history of their own.</param>
    /// <param name="saved">What backward needs: inputs, outputs or anything computed on the way.</param>
    /// <exception cref="TorchException">An output is an input or has a history.</exception>
    /// <exception cref="InvalidOperationException">This object was attached before.</exception>
    protected void Attach(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> saved)
    {
        if (attached)
            throw new InvalidOperationException($"{GetType().Name} stands in a graph already: make a new one for each call");
        attached = true;
        if (!Autograd.IsEnabled) return;
        needsInputGrad = new bool[inputs.Length];
        var inputHandles = Tensor.Handles(inputs);
        var outputHandles = Tensor.Handles(outputs);
        var savedHandles = Tensor.Handles(saved);
        var state = GCHandle.Alloc(this);
        fixed (nint* input = inputHandles, output = outputHandles, kept = savedHandles)
        {
            var status = Native.bam_function_attach(
                GCHandle.ToIntPtr(state), input, inputHandles.Length, output, outputHandles.Length, kept, savedHandles.Length);
            Native.Check(status, GetType().Name);
        }
    }

    /// <summary>Computes the gradients of the inputs, in a scope of its own, without a graph, on any thread.</summary>
    /// <param name="gradOutputs">The gradient of each output; null stands for zeros, but not all are null.</param>
    /// <param name="saved">The tensors given to <see cref="Attach"/>, in their order.</param>
    /// <param name="gradInputs">To be filled with the gradient of each input; null stands for zeros.</param>
    protected abstract void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs);

    [UnmanagedCallersOnly]
    private static void OnRelease(nint state) => GCHandle.FromIntPtr(state).Free();

    [UnmanagedCallersOnly]
    private static int OnBackward(
        nint state, nint* outputGradients, int outputCount, nint* saved, int savedCount, nint* inputGradients, byte* needed,
        int inputCount)
    {
        AutogradFunction? function = null;
        try
        {
            using var scope = TensorScope.Open();
            var gradOutputs = Adopt(outputGradients, outputCount);
            var savedTensors = Adopt(saved, savedCount);
            function = (AutogradFunction)GCHandle.FromIntPtr(state).Target!;
            for (var i = 0; i < inputCount; i++)
                function.needsInputGrad[i] = needed[i] != 0;

            using var noGrad = NoGrad.Enter();
            var gradInputs = new Tensor?[inputCount];
            function.Backward(gradOutputs, savedTensors!, gradInputs);
            for (var i = 0; i < inputCount; i++)
            {
                if (needed[i] != 0 && gradInputs[i] is { } gradient)
                    inputGradients[i] = Native.bam_tensor_retain(gradient.LiveHandle);
            }

            return 0;
        }
        catch (Exception e)
        {
            Interlocked.Exchange(ref s_failure, e);
            var message = $"{function?.GetType().Name ?? "a function"}'s backward failed: {e.GetType().Name}: {e.Message}\0";
            fixed (byte* bytes = Encoding.UTF8.GetBytes(message))
                Native.bam_set_error(bytes);
            return 1;
        }
    }

    private static Tensor?[] Adopt(nint* handles, int count)
    {
        var tensors = new Tensor?[count];
        for (var i = 0; i < count; i++)
            tensors[i] = handles[i] == 0 ? null : new Tensor(handles[i]);
        return tensors;
    }
}
