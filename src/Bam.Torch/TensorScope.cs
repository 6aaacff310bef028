namespace Bam.Torch;

/// <summary>
/// Frees the tensors made while it is open, also those made by the methods called inside it. Results leave by
/// <see cref="Keep(Tensor)"/>. It belongs to one thread and one method: <c>using var scope = TensorScope.Open();</c>
/// </summary>
internal readonly ref struct TensorScope : IDisposable
{
    private readonly ScopeStack stack;
    private readonly int start;
    private readonly int depth;

    private TensorScope(ScopeStack stack)
    {
        stack.Open();
        this.stack = stack;
        start = stack.Count;
        depth = stack.Depth;
    }

    /// <summary>How many scopes are open on this thread.</summary>
    public static int OpenCount => ScopeStack.Current.Depth;

    /// <summary>Opens a scope inside this thread's innermost one.</summary>
    public static TensorScope Open() => new(ScopeStack.Current);

    /// <summary>Lets a tensor outlive this scope: it moves to the enclosing one or, without one, to the caller, who disposes of it.</summary>
    /// <exception cref="ObjectDisposedException">The tensor was freed.</exception>
    /// <exception cref="InvalidOperationException">It belongs to a scope of another thread.</exception>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ObjectDisposedException.ThrowIf(tensor.IsDisposed, tensor);
        tensor.ThrowIfOfAnotherThread();
        if (tensor.Scope == this.stack && tensor.Slot >= start)
            tensor.KeepDepth = Math.Min(tensor.KeepDepth, depth - 1);
        return tensor;
    }

    /// <summary>Lets two tensors outlive this scope.</summary>
    public (Tensor First, Tensor Second) Keep(Tensor first, Tensor second) => (Keep(first), Keep(second));

    /// <summary>Lets three tensors outlive this scope.</summary>
    public (Tensor First, Tensor Second, Tensor Third) Keep(Tensor first, Tensor second, Tensor third) =>
        (Keep(first), Keep(second), Keep(third));

    /// <summary>Lets every tensor of an array outlive this scope.</summary>
    public Tensor[] Keep(Tensor[] tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        foreach (var tensor in tensors)
            Keep(tensor);
        return tensors;
    }

    /// <summary>Frees what was made inside and not kept; scopes opened inside and never closed are closed with it.</summary>
    public void Dispose()
    {
        if (this.stack is not null && this.stack.Depth >= depth)
            this.stack.Close(start, depth);
    }
}
