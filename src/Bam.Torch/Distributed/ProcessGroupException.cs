namespace Bam.Torch.Distributed;

/// <summary>
/// An operation among processes failed. The message is one line that names the group, the operation, this rank and, where it is
/// known, the rank at fault. The group cannot be used afterwards.
/// </summary>
internal sealed class ProcessGroupException : Exception
{
    public ProcessGroupException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>
    /// An error of one operation on a rank of the world; <paramref name="cause"/> names the rank at fault where it is known.
    /// </summary>
    public ProcessGroupException(string group, int rank, string operation, string cause)
        : base($"process group '{group}': {operation} failed on rank {rank}: {cause}")
    {
    }
}
