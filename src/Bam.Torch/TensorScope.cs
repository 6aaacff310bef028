using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

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

    /// <summary>Moves a tensor to the enclosing scope or, without one, to the caller, who disposes of it.</summary>
    /// <exception cref="ObjectDisposedException">The tensor was freed.</exception>
    /// <exception cref="InvalidOperationException">It belongs to a scope of another thread.</exception>
    public Tensor Keep(Tensor tensor)
    {
        ObjectDisposedException.ThrowIf(tensor.IsDisposed, tensor);
        tensor.ThrowIfOfAnotherThread();
        if (tensor.Scope == this.stack && tensor.Slot >= start)
            tensor.KeepDepth = Math.Min(tensor.KeepDepth, depth - 1);
        return tensor;
    }

    public (Tensor First, Tensor Second) Keep(Tensor first, Tensor second) => (Keep(first), Keep(second));

    public (Tensor First, Tensor Second, Tensor Third) Keep(Tensor first, Tensor second, Tensor third) =>
        (Keep(first), Keep(second), Keep(third));

    public Tensor[] Keep(Tensor[] tensors)
    {
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

/// <summary>One thread's open scopes: the tensors made in them, innermost last.</summary>
internal sealed unsafe class ScopeStack
{
    private const int FreeBatch = 64;

    [ThreadStatic]
    private static ScopeStack? t_current;

    private Tensor?[] tensors = new Tensor?[256];

    internal static ScopeStack Current => t_current ??= new ScopeStack();

    /// <summary>How many scopes are open.</summary>
    internal int Depth { get; private set; }

    /// <summary>How many places are taken; some are empty, as tensors were disposed of one by one.</summary>
    internal int Count { get; private set; }

    internal void Open() => Depth++;

    internal void Add(Tensor tensor)
    {
        if (Count == tensors.Length)
            Array.Resize(ref tensors, Count * 2);
        tensor.Scope = this;
        tensor.Slot = Count;
        tensors[Count++] = tensor;
    }

    internal void Remove(Tensor tensor)
    {
        if (tensor.Slot < Count && ReferenceEquals(tensors[tensor.Slot], tensor))
            tensors[tensor.Slot] = null;
        tensor.Scope = null;
    }

    /// <summary>Frees the tensors from place <paramref name="start"/> on, except those kept for outer scopes.</summary>
    internal void Close(int start, int depth)
    {
        var handles = stackalloc nint[FreeBatch];
        var pending = 0;
        var kept = start;
        for (var i = start; i < Count; i++)
        {
            var tensor = tensors[i];
            tensors[i] = null;
            if (tensor is null)
                continue;
            if (tensor.KeepDepth >= depth)
            {
                handles[pending++] = tensor.TakeHandle();
                if (pending == FreeBatch)
                {
                    Native.bam_tensor_free_many(handles, pending);
                    pending = 0;
                }
            }
            else if (depth == 1)
            {
                tensor.LeaveScopes();
            }
            else
            {
                tensor.Slot = kept;
                tensors[kept++] = tensor;
            }
        }

        Count = kept;
        Depth = depth - 1;
        if (pending > 0)
            Native.bam_tensor_free_many(handles, pending);
    }
}

/// <summary>In debug builds, the tensors that no scope will free, with the stack that made or last kept them.</summary>
internal static class TensorLeaks
{
    private static readonly ConcurrentDictionary<Tensor, StackTrace> s_watched = new(ReferenceEqualityComparer.Instance);

    /// <summary>The live tensors outside every scope and where each came from; empty in release builds.</summary>
    public static string Report()
    {
        var report = new StringBuilder();
        foreach (var (tensor, stack) in s_watched)
            report.Append(tensor).AppendLine().Append(stack).AppendLine();
        return report.ToString();
    }

    [Conditional("DEBUG")]
    internal static void Watch(Tensor tensor) => s_watched[tensor] = new StackTrace(2, fNeedFileInfo: true);

    [Conditional("DEBUG")]
    internal static void Forget(Tensor tensor) => s_watched.TryRemove(tensor, out _);
}
