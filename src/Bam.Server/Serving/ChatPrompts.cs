using System.Collections.Concurrent;
using System.Text.Json;
using Bam.Server.Http;
using Bam.Tokenization;
using Bam.Tokenization.Chat;

namespace Bam.Server.Serving;

/// <summary>Renders conversations by the model's chat templates.</summary>
internal sealed class ChatPrompts(Tokenizer tokenizer, string checkpoint)
{
    private readonly ConcurrentDictionary<string, ChatEncoder> encoders = [];

    /// <summary>The template without a name; null if the model has none.</summary>
    public string? UsualTemplate
    {
        get
        {
            try
            {
                return ChatTemplateFiles.Load(checkpoint).Source;
            }
            catch (InvalidInputException)
            {
                return null;
            }
        }
    }

    /// <summary>A conversation as the model reads it.</summary>
    /// <param name="messages">A list of objects with role and content.</param>
    /// <param name="template">The name of one of the model's templates; null for the usual one.</param>
    /// <exception cref="ApiException">The model has no such template, or the messages do not suit it.</exception>
    public RenderedPrompt Encode(JsonElement messages, string? template)
    {
        var encoder = EncoderOf(template ?? "");
        try
        {
            var conversation = Conversation.Parse(messages, "messages");
            if (conversation.Count == 0) throw ApiException.Wrong("messages", "'messages' must not be empty.");
            return new(encoder.EncodePrompt(conversation), encoder.EndOfTurnIds());
        }
        catch (InvalidInputException e)
        {
            throw ApiException.Wrong("messages", e.Message);
        }
    }

    private ChatEncoder EncoderOf(string name)
    {
        // A name with this ending would be a file of the server.
        if (name.EndsWith(ChatTemplateFiles.Extension, StringComparison.Ordinal))
            throw ApiException.Wrong("chat_template", "'chat_template' must be the name of one of the model's templates.");
        try
        {
            return encoders.GetOrAdd(name, _ => ChatEncoder.Load(tokenizer, checkpoint, name.Length == 0 ? null : name));
        }
        catch (InvalidInputException e)
        {
            throw ApiException.Wrong(name.Length == 0 ? null : "chat_template", e.Message, "no_chat_template");
        }
    }
}

/// <summary>A rendered conversation.</summary>
/// <param name="Ids">The prompt.</param>
/// <param name="EndIds">Ids that end the answer beside the model's own.</param>
internal sealed record RenderedPrompt(int[] Ids, IReadOnlySet<int> EndIds);
