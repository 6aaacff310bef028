using System.Text;

namespace Bam.Tokenization.Decoders;

/// <summary>The last step: keeps the text until it is taken.</summary>
internal sealed class DecodedText() : DecodingStep(next: null)
{
    private readonly StringBuilder text = new();

    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token) => text.Append(token);

    /// <summary>What has come since the last time.</summary>
    public string Take()
    {
        var taken = text.ToString();
        text.Clear();
        return taken;
    }
}
