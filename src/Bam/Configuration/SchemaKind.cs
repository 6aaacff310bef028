namespace Bam.Configuration;

/// <summary>The shapes a key's value can have.</summary>
internal enum SchemaKind
{
    Text,
    Switch,
    Integer,
    Number,
    Choice,
    List,
    Map,
    Section,
    Inline,
}
