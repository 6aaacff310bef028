using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Decoders;

/// <summary>
/// Byte tokens in a row are UTF-8 together. As with Hugging Face, a row that is not becomes U+FFFD for every byte of it, also for
/// those that would make a letter; so nothing of a row is certain before it ends.
/// </summary>
internal sealed class ByteFallbackStep(DecodingStep next) : DecodingStep(next)
{
    private readonly List<byte> row = [];

    /// <inheritdoc/>
    public override string Held => Text() + base.Held;

    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token)
    {
        if (ByteToken.ValueOf(token) is var value and >= 0)
        {
            row.Add((byte)value);
            return;
        }

        EndRow();
        Pass(token);
    }

    /// <inheritdoc/>
    public override void Finish()
    {
        EndRow();
        base.Finish();
    }

    private void EndRow()
    {
        if (row.Count == 0) return;
        if (Text() is { Length: > 0 } text)
        {
            Pass(text);
        }
        else
        {
            for (var i = 0; i < row.Count; i++) Pass("\uFFFD");
        }

        row.Clear();
    }

    // Empty for bytes that are no text.
    private string Text()
    {
        var bytes = CollectionsMarshal.AsSpan(row);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : "";
    }
}
