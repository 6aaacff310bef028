namespace Bam.Torch;

/// <summary>Reverse-mode differentiation.</summary>
internal static unsafe class Autograd
{
    /// <summary>Whether operators on this thread build a graph.</summary>
    public static bool IsEnabled => Native.bam_grad_enabled() != 0;

    /// <summary>Adds the gradients of a scalar to the <see cref="Tensor.Grad"/> of its leaves, and frees its graph.</summary>
    /// <exception cref="TorchException">The loss is not a scalar or has no graph, or a function's backward failed.</exception>
    public static void Backward(Tensor loss)
    {
        var handle = ((Value)loss).Handle;
        Run(Native.bam_backward(&handle, null, 1, 0));
    }

    /// <summary>As <see cref="Backward(Tensor)"/>, for an output of any shape whose gradient is given.</summary>
    /// <exception cref="TorchException">The shapes differ, there is no graph, or a function's backward failed.</exception>
    public static void Backward(Tensor output, Tensor gradient)
    {
        var handle = ((Value)output).Handle;
        var gradientHandle = ((Value)gradient).Handle;
        Run(Native.bam_backward(&handle, &gradientHandle, 1, 0));
    }

    /// <summary>As <see cref="Backward(Tensor, Tensor)"/>, for several outputs of one graph.</summary>
    /// <exception cref="TorchException">The shapes differ, there is no graph, or a function's backward failed.</exception>
    public static void Backward(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> gradients)
    {
        var handles = Tensor.Handles(outputs);
        var gradientHandles = Tensor.Handles(gradients);
        fixed (nint* output = handles, gradient = gradientHandles)
            Run(Native.bam_backward(output, gradient, handles.Length, 0));
    }

    /// <summary>
    /// The gradients of a scalar in <paramref name="inputs"/>, without touching other leaves; null where none flows. Frees the
    /// graph. A matrix to whose gradient its function adds in place (<see cref="Functions.Parameter"/>) gets it there, and null
    /// here.
    /// </summary>
    /// <exception cref="TorchException">The loss is not a scalar or has no graph, or a function's backward failed.</exception>
    public static Tensor?[] Gradients(Tensor loss, params ReadOnlySpan<Tensor> inputs)
    {
        var handle = ((Value)loss).Handle;
        var handles = Tensor.Handles(inputs);
        var results = new nint[inputs.Length];
        fixed (nint* input = handles, result = results)
            Run(Native.bam_gradients(&handle, 1, input, handles.Length, result));
        return Array.ConvertAll(results, result => result == 0 ? null : new Tensor(result));
    }

    private static void Run(int status)
    {
        if (status != 0)
            throw new TorchException("backward", Native.LastError(), AutogradFunction.TakeFailure());
    }
}

/// <summary>Operators build no graph while this is in force: <c>using var _ = NoGrad.Enter();</c></summary>
internal readonly ref struct NoGrad : IDisposable
{
    private readonly bool wasEnabled;

    private NoGrad(bool wasEnabled) => this.wasEnabled = wasEnabled;

    /// <summary>Turns the graph off for this thread until the result is disposed of.</summary>
    public static NoGrad Enter()
    {
        var wasEnabled = Autograd.IsEnabled;
        Native.bam_set_grad_enabled(0);
        return new NoGrad(wasEnabled);
    }

    public void Dispose() => Native.bam_set_grad_enabled(this.wasEnabled ? 1 : 0);
}

/// <summary>Operators build a graph while this is in force, also inside a backward: <c>using (EnableGrad.Enter())</c></summary>
internal readonly ref struct EnableGrad : IDisposable
{
    private readonly bool wasEnabled;

    private EnableGrad(bool wasEnabled) => this.wasEnabled = wasEnabled;

    /// <summary>Turns the graph on for this thread until the result is disposed of.</summary>
    public static EnableGrad Enter()
    {
        var wasEnabled = Autograd.IsEnabled;
        Native.bam_set_grad_enabled(1);
        return new EnableGrad(wasEnabled);
    }

    public void Dispose() => Native.bam_set_grad_enabled(this.wasEnabled ? 1 : 0);
}
