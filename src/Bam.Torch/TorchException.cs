namespace Bam.Torch;

/// <summary>libtorch refused a call. The message names the operator and the types and shapes of its tensors.</summary>
internal sealed class TorchException : Exception
{
    /// <summary>An error of an operator or another call of libtorch.</summary>
    /// <param name="operation">The operator's name, such as <c>aten::linear</c>.</param>
    /// <param name="message">What went wrong, with the arguments.</param>
    /// <param name="inner">The error of a C# callback that caused this one.</param>
    public TorchException(string operation, string message, Exception? inner = null)
        : base($"{operation}: {message}", inner) => Operation = operation;

    /// <summary>The operator's name, such as <c>aten::linear</c>.</summary>
    public string Operation { get; }
}
