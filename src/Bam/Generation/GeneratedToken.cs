using Bam.Models;

namespace Bam.Generation;

/// <summary>One token of a generated text.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">The text that became certain with it: often its own, but empty while text is held back, and then more.</param>
/// <param name="Route">Which experts took it, block by block; null unless asked for.</param>
internal sealed record GeneratedToken(int Id, string Text, IReadOnlyList<TokenRoute>? Route);
