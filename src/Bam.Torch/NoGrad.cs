namespace Bam.Torch;

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

    /// <summary>Returns to what was in force before.</summary>
    public void Dispose() => Native.bam_set_grad_enabled(this.wasEnabled ? 1 : 0);
}
