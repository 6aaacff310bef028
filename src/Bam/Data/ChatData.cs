using System.Text.Json.Serialization;
using Bam.Tokenization.Chat;

namespace Bam.Data;

/// <summary>Which tokens of the data a model is trained and measured on.</summary>
internal enum LossOn
{
    /// <summary>All tokens.</summary>
    All,

    /// <summary>The assistant's answers, up to and including their end-of-turn tokens.</summary>
    Assistant,
}

/// <summary>How the documents of a domain are written.</summary>
internal enum DataFormat
{
    /// <summary>Text.</summary>
    Text,

    /// <summary>Conversations, which a chat template turns into text.</summary>
    Chat,
}

/// <summary>How conversations become tokens.</summary>
/// <param name="Encoder">Renders and encodes them.</param>
/// <param name="LossOn">Which tokens count.</param>
internal sealed record ChatData(ChatEncoder Encoder, LossOn LossOn);

/// <summary>The part of a build report that only chat data have.</summary>
/// <param name="LossOn">Which tokens count.</param>
/// <param name="TemplateSha256">SHA-256 of the template and its special tokens.</param>
/// <param name="TrainAnswers">The tokens of the training split that count; null if all do.</param>
/// <param name="HeldOutAnswers">The same of the held-out split.</param>
/// <param name="HeldOutAnswerBytes">
/// UTF-8 bytes of the held-out answers, without special tokens; null if all tokens count.
/// </param>
internal sealed record ChatReport(
    LossOn LossOn,
    string TemplateSha256,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? TrainAnswers = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? HeldOutAnswers = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? HeldOutAnswerBytes = null);
