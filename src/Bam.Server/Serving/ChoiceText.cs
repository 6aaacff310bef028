using Bam.Generation;
using Bam.Generation.Batching;
using Bam.Tokenization;
using Bam.Tokenization.Pipeline;

namespace Bam.Server.Serving;

/// <summary>
/// Makes text of a choice's tokens: what could still become another character or a stop string is held back. Its methods are
/// called one after the other, <see cref="Receive"/> on the decoding thread.
/// </summary>
internal sealed class ChoiceText
{
    private readonly TextRequest request;
    private readonly Tokenizer tokenizer;
    private readonly Action<TextPart> send;
    private readonly StreamingTextDecoder decoder;
    private readonly TextDecoding prompt;
    private int promptOffset;
    private int offset;

    public ChoiceText(TextRequest request, Tokenizer tokenizer, Action<TextPart> send)
    {
        (this.request, this.tokenizer, this.send) = (request, tokenizer, send);
        decoder = new StreamingTextDecoder(tokenizer, request.Stops, request.Prompt);
        prompt = tokenizer.StartDecoding(continues: false);
        offset = request.Echo?.Length ?? 0;
    }

    /// <summary>Sends the prompt's text, if it was asked for.</summary>
    public void Begin()
    {
        if (request.Echo is { } text) send(new(request.Index, text, []));
    }

    /// <summary>Takes a token and sends what became certain.</summary>
    /// <returns>False if a stop string ends the text.</returns>
    public bool Receive(DecodedToken token)
    {
        if (token.IsPrompt)
        {
            send(new(request.Index, "", [new(token.Id, "", promptOffset, true, token.Score, token.Route)]));
            prompt.Append(tokenizer.IdToToken(token.Id));
            promptOffset += prompt.Take().Length;
            return true;
        }

        var text = request.EndIds.Contains(token.Id) ? "" : decoder.Append(token.Id);
        send(new(request.Index, text, [new(token.Id, text, offset, false, token.Score, token.Route)]));
        offset += text.Length;
        return decoder.StoppedBy is null;
    }

    /// <summary>Sends what was held back, and why the text ended.</summary>
    public void Finish(DecodingEnd reason)
    {
        if (decoder.Finish() is { Length: > 0 } text) send(new(request.Index, text, []));
        send(new(request.Index, "", [], reason == DecodingEnd.Stop ? "stop" : "length"));
    }
}
