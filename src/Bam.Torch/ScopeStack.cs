namespace Bam.Torch;

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

    /// <summary>Frees the tensors from place <paramref name="start"/> on, except those that outlive depth <paramref name="depth"/>.</summary>
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
