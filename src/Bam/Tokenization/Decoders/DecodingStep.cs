namespace Bam.Tokenization.Decoders;

/// <summary>
/// One step on the way from tokens to text, of one text: it is given tokens one by one and hands on what it makes of them, as
/// soon as that is certain.
/// </summary>
/// <param name="next">Takes what this step hands on; null for the last step.</param>
internal abstract class DecodingStep(DecodingStep? next)
{
    /// <summary>Text that is handed on if the text ends here, and may turn out to be another if it does not.</summary>
    public virtual string Held => next?.Held ?? "";

    /// <summary>Takes a token.</summary>
    public abstract void Append(ReadOnlySpan<char> token);

    /// <summary>Ends the text: hands on whatever is held.</summary>
    public virtual void Finish() => next?.Finish();

    /// <summary>Hands a token on.</summary>
    protected void Pass(ReadOnlySpan<char> token) => next!.Append(token);
}
